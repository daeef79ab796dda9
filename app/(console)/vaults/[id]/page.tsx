import { Suspense } from 'react';
import { VaultScreen } from '#components/vaults/vault-screen.tsx';

export default async function VaultPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return (
    <Suspense>
      <VaultScreen id={id} />
    </Suspense>
  );
}
