import { Suspense } from 'react';
import { SignInScreen } from '#components/account/sign-in-screen.tsx';

export default function SignInPage() {
  return (
    <Suspense>
      <SignInScreen />
    </Suspense>
  );
}
