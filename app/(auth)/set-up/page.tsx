import { Suspense } from 'react';
import { SetUpScreen } from '#components/setup/set-up-screen.tsx';

export default function SetUpPage() {
  return (
    <Suspense>
      <SetUpScreen />
    </Suspense>
  );
}
