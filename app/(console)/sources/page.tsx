import { SourcesScreen } from '#components/sources/sources-screen.tsx';

export default function SourcesPage() {
  return <SourcesScreen />;
}
