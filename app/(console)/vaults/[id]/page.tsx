import { VaultScreen } from '#components/vaults/vault-screen.tsx';

export default async function VaultPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <VaultScreen id={id} />;
}
