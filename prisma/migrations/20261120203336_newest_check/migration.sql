-- CreateIndex
CREATE INDEX "run_vaultId_kind_queuedAt_idx" ON "run"("vaultId", "kind", "queuedAt" DESC);
