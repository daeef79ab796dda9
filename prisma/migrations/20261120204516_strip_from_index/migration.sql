-- DropIndex
DROP INDEX "run_kind_queuedAt_idx";

-- CreateIndex
CREATE INDEX "run_kind_queuedAt_sourceId_outcome_idx" ON "run"("kind", "queuedAt" DESC, "sourceId", "outcome");
