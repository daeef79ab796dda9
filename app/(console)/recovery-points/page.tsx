import { PointsScreen } from '#components/recovery-points/points-screen.tsx';

export default function RecoveryPointsPage() {
  return <PointsScreen />;
}
