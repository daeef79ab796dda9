import { NewSourceScreen } from '#components/sources/new-source-screen.tsx';

export default function NewSourcePage() {
  return <NewSourceScreen />;
}
