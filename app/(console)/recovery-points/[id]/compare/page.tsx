import { CompareScreen } from '#components/recovery-points/compare-screen.tsx';

export default async function ComparePage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <CompareScreen key={id} id={id} />;
}
