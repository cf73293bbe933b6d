/** The composition root: the database first, everything else upon it; what fails is undone. */
import { mkdirSync } from 'node:fs';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { demandSimulators } from './demand-simulators.ts';
import { openDatabase } from './open-database.ts';
import type { RunningServer, StartOptions } from './running-server.ts';
import { runAll } from './stop-server.ts';

/** Starts a server. Whatever fails, nothing of it is left running. */
export async function startServer(config: Config, log: Log, options: StartOptions = {}): Promise<RunningServer> {
  if (config.isRehearsal) await demandSimulators(config);
  mkdirSync(config.homePath, { recursive: true });
  const undo: (() => Promise<void>)[] = [];
  try {
    const opening = openDatabase(config, log);
    // PostgreSQL starts in processes of its own: most modules are loaded meanwhile
    const loading = import('./start-parts.ts');
    loading.catch(() => undefined);
    const database = await opening;
    undo.unshift(database.close);
    const { startParts } = await loading;
    return await startParts({ config, log, options, database, undo });
  } catch (error) {
    // what failed first is what people must hear of
    await runAll(undo).catch((fault: unknown) => log.warn({ err: fault }, 'not everything could be undone'));
    throw error;
  }
}
