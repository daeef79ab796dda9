import { SetUpScreen } from '#components/setup/set-up-screen.tsx';
import { requireSetupPage } from '#lib/http/page-session.ts';

export default async function SetUpPage() {
  await requireSetupPage();
  return <SetUpScreen />;
}
