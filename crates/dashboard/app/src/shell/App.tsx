import { SignInPage } from '../session/SignInPage';
import { useSession } from '../session/useSession';
import { Layout } from './Layout';

/** The sign-in page or the dashboard. Neither is shown while the service checks the session. */
export function App() {
  const session = useSession();
  if (session.state === 'resuming') return <main aria-busy="true" aria-label="Loading" />;
  if (session.state === 'out') return <SignInPage reason={session.reason} />;
  return <Layout user={session.user} ended={session.state === 'ended'} />;
}
