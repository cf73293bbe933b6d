/** One process that opens the embedded database of a home, tells how it went and what it logs, and stops it when told to. */
import { pino } from 'pino';
import { openEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';

const home = process.argv[2] as string;
const log = pino({ level: 'info' }, { write: (line) => process.send?.({ logged: JSON.parse(line).msg }) });
try {
  const { owner, facts, url, stop } = await openEmbeddedPostgres({ home, log });
  process.send?.({ owner, facts, url });
  process.on('message', async () => {
    await stop();
    process.disconnect();
  });
} catch (error) {
  process.send?.({ error: (error as Error).message });
  process.disconnect();
}
