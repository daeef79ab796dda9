import { WelcomeScreen } from '#components/setup/welcome-screen.tsx';
import { SessionSeed } from '#components/shell/session-seed.tsx';
import { requireSignedInPage } from '#lib/http/page-session.ts';

export default async function WelcomePage() {
  const session = await requireSignedInPage();
  return (
    <SessionSeed session={session}>
      <WelcomeScreen />
    </SessionSeed>
  );
}
