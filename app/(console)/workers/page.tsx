import { WorkersScreen } from '#components/workers/workers-screen.tsx';

export default function WorkersPage() {
  return <WorkersScreen />;
}
