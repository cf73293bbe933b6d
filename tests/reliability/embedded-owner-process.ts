/** One process that opens the embedded database of a home, tells how it went, and stops it when told to. */
import { pino } from 'pino';
import { openEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';

const home = process.argv[2] as string;
try {
  const { owner, facts, url, stop } = await openEmbeddedPostgres({ home, log: pino({ level: 'silent' }) });
  process.send?.({ owner, facts, url });
  process.on('message', async () => {
    await stop();
    process.disconnect();
  });
} catch (error) {
  process.send?.({ error: (error as Error).message });
  process.disconnect();
}
