// Facts about this installation, one row each.

import { db, type Tx } from './client.ts';

export type SettingKey = 'setup-token-hash' | 'setup-completed-at' | 'master-key-id';

export async function readSetting(key: SettingKey, tx: Tx = db()): Promise<string | null> {
  const row = await tx.setting.findUnique({ where: { key } });
  return typeof row?.value === 'string' ? row.value : null;
}

export async function writeSetting(key: SettingKey, value: string, tx: Tx = db()): Promise<void> {
  await tx.setting.upsert({ where: { key }, create: { key, value }, update: { value } });
}

/** True for the one caller who wrote it; false when it was there. Waits for another transaction that is about to write it. */
export async function claimSetting(key: SettingKey, value: string, tx: Tx = db()): Promise<boolean> {
  const { count } = await tx.setting.createMany({ data: [{ key, value }], skipDuplicates: true });
  return count === 1;
}

export async function deleteSetting(key: SettingKey, tx: Tx = db()): Promise<void> {
  await tx.setting.deleteMany({ where: { key } });
}
