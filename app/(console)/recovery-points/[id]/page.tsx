import { PointScreen } from '#components/recovery-points/point-screen.tsx';

export default async function RecoveryPointPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <PointScreen key={id} id={id} />;
}
