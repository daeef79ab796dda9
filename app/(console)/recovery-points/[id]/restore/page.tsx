import { RestoreScreen } from '#components/restores/restore-screen.tsx';

export default async function RestorePage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <RestoreScreen key={id} id={id} />;
}
