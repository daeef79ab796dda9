import { NewVaultScreen } from '#components/vaults/new-vault-screen.tsx';

export default function NewVaultPage() {
  return <NewVaultScreen />;
}
