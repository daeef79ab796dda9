import { SignInScreen } from '#components/account/sign-in-screen.tsx';
import { requireSignedOutPage } from '#lib/http/page-session.ts';

export default async function SignInPage() {
  await requireSignedOutPage();
  return <SignInScreen />;
}
