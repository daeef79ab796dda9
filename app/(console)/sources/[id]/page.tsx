import { SourceScreen } from '#components/sources/source-screen.tsx';

export default async function SourcePage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <SourceScreen key={id} id={id} />;
}
