import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startInstance } from './instance.ts';

/** Starts the one instance; the specs learn where it is from the environment. Returns the teardown. */
export default async function globalSetup(): Promise<() => Promise<void>> {
  const instance = await startInstance();
  process.env.E2E_URL = instance.url;
  process.env.E2E_SETUP_TOKEN = instance.setupToken;
  process.env.E2E_WORK_DIR = instance.workDir;
  process.env.E2E_DATA_DIR = instance.dataDir;
  return async () => {
    await writeFile(join('test-results', 'holdfast.log'), instance.output()).catch(() => {
      // The log is a help for reading a failure; that it cannot be kept must not hide the failure itself.
    });
    await instance.stop();
  };
}
