import { Suspense } from 'react';
import { WelcomeScreen } from '#components/setup/welcome-screen.tsx';

export default function WelcomePage() {
  return (
    <Suspense>
      <WelcomeScreen />
    </Suspense>
  );
}
