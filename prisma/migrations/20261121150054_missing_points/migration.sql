-- AlterTable
ALTER TABLE "recovery_point" ADD COLUMN     "missingSince" TIMESTAMPTZ(3);
