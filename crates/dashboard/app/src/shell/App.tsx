import { SignInPage } from '../session/SignInPage';
import { useSession } from '../session/useSession';
import { Layout } from './Layout';

/** The sign-in page, or the dashboard; neither while it is asked whether somebody is still signed in. */
export function App() {
  const session = useSession();
  if (session.state === 'resuming') return <main aria-busy="true" aria-label="Loading" />;
  if (session.state === 'out') return <SignInPage reason={session.reason} />;
  return <Layout user={session.user} ended={session.state === 'ended'} />;
}
