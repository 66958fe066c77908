import { SignInPage } from '../session/SignInPage';
import { useSession } from '../session/useSession';
import { Frame } from './Frame';

/** The sign-in page, or the dashboard. */
export function App() {
  const session = useSession();
  if (session.state === 'out') return <SignInPage reason={session.reason} />;
  return <Frame user={session.user} ended={session.state === 'ended'} />;
}
