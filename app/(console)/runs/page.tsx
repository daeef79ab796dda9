import { RunsScreen } from '#components/runs/runs-screen.tsx';

export default function Page() {
  return <RunsScreen />;
}
