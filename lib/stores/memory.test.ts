import { storeContract } from './contract.ts';
import { MemoryStore } from './memory.ts';

storeContract('memory', async () => ({ store: new MemoryStore(), cleanUp: async () => undefined }));
