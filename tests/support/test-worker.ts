/** A worker without a server around it: it takes jobs only when it is told to look. */
import { randomUUID } from 'node:crypto';
import { createLog } from '../../src/log.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { finishResult } from '../../src/media/finish-result.ts';
import { createSlabPool } from '../../src/media/slabs.ts';
import { createGeminiProvider } from '../../src/providers/gemini/gemini-provider.ts';
import { createRegistry } from '../../src/providers/registry.ts';
import { createHeldRequests } from '../../src/services/job/held-requests.ts';
import { createWorker, type Worker } from '../../src/worker/worker.ts';
import { LEASE_MS, RETENTION_HOURS } from './queue.ts';
import { GEMINI_KEY, type GeminiServer } from './slots.ts';

export interface TestWorker {
  readonly worker: Worker;
  stop(): Promise<void>;
}

/**
 * Starts a worker on the server's database and files. Its Gemini claims that a slow call takes `slowCallMs`, so that a short window
 * has room for two of them.
 */
export function startTestWorker(server: GeminiServer, { slowCallMs }: { slowCallMs: number }): TestWorker {
  const { takeSlab } = createSlabPool({ idleSlabsMax: 4, idleBytesMax: 64 * 2 ** 20 });
  const gemini = createGeminiProvider({ baseUrl: server.simulator.url, apiKey: () => GEMINI_KEY, takeSlab });
  const worker = createWorker({
    db: server.db,
    store: createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 }),
    finishResult,
    publishPicture: () => Promise.reject(new Error('no provider of this worker fetches by URL')),
    providers: createRegistry([{ ...gemini, description: { ...gemini.description, slowCallMs } }]),
    held: createHeldRequests(),
    log: createLog('silent'),
    options: {
      workerId: randomUUID(),
      concurrency: 8,
      leaseMs: LEASE_MS,
      imagePixelsMax: 110_000_000,
      retentionHours: RETENTION_HOURS,
    },
  });
  worker.start();
  return {
    worker,
    async stop() {
      await worker.stopClaiming();
      await worker.giveBack();
      await gemini.close();
    },
  };
}
