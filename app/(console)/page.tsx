import { Suspense } from 'react';
import { OverviewScreen } from '#components/overview/overview-screen.tsx';

export default function OverviewPage() {
  return (
    <Suspense>
      <OverviewScreen />
    </Suspense>
  );
}
