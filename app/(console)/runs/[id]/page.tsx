import { RunScreen } from '#components/runs/run-screen.tsx';

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <RunScreen key={id} id={id} />;
}
