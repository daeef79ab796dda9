import { VaultsScreen } from '#components/vaults/vaults-screen.tsx';

export default function VaultsPage() {
  return <VaultsScreen />;
}
