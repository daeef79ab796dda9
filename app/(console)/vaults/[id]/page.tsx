import { VaultScreen } from '#components/vaults/vault-screen.tsx';

export default async function VaultPage({ params }: { params: Promise<{ id: string }> }) {
  return <VaultScreen id={(await params).id} />;
}
