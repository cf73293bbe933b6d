import type { Db } from '../../db/db.ts';
import { DomainError } from '../../domain/errors.ts';
import type { MediaStore } from '../../media/store.ts';
import type { Provider } from '../../providers/provider.ts';
import { listGates } from '../../repositories/lanes.ts';
import { findSchemaState, pingDatabase } from '../../repositories/schema.ts';

/** What is checked. */
export interface ReadinessDeps {
  readonly db: Db;
  readonly store: MediaStore;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly isDraining: () => boolean;
  /** Whether pictures come from simulators. */
  readonly isRehearsal: boolean;
}

/** One check: passed, or why not. */
export interface Check {
  readonly ok: boolean;
  readonly message?: string;
}

/** Every check passed. */
export interface Readiness {
  readonly status: 'ready';
  readonly rehearsal: boolean;
  readonly checks: {
    readonly database: Check;
    readonly schema_version: Check;
    readonly media_store: Check;
    readonly draining: Check;
  };
  /** Those with a key that are not ready to be called; photos are taken all the same. */
  readonly providers: UnreadyProvider[];
}

/** A provider that cannot be called now as it should be. */
export interface UnreadyProvider {
  readonly id: string;
  readonly state: string;
  readonly retry_after_ms: number | null;
}

const LIMIT_MS = 1_000;

/** Checks everything an ingest needs, in at most a second; providers are no part of it. @throws DomainError `not_ready` with every check in `details.checks`. */
export async function checkReadiness(deps: ReadinessDeps): Promise<Readiness> {
  let providers: UnreadyProvider[] = [];
  const [database, schema_version, media_store] = await Promise.all([
    check('The database', () => pingDatabase(deps.db)),
    check('The schema', async () => demandSchema(await findSchemaState(deps.db))),
    check('The media store', () => deps.store.assertFreeSpace()),
    check('The standing of the providers', async () => {
      providers = await findUnready(deps);
    }),
  ]);
  const draining: Check = deps.isDraining() ? { ok: false, message: 'The server is shutting down.' } : { ok: true };
  const checks = { database, schema_version, media_store, draining };
  const failed = Object.entries(checks).filter(([, { ok }]) => !ok);
  if (failed.length === 0) return { status: 'ready', rehearsal: deps.isRehearsal, checks, providers };
  throw new DomainError('not_ready', `Not ready: ${failed.map(([name]) => name).join(', ')}.`, {
    details: { checks },
    retryAfterSeconds: 5,
  });
}

/** What could not be called is told without the service's words: this answer is for everybody. */
async function findUnready({ db, providers }: ReadinessDeps): Promise<UnreadyProvider[]> {
  const gates = await listGates(db);
  return gates
    .filter(({ providerId, state }) => state !== 'ready' && providers.get(providerId)?.isConfigured() === true)
    .map(({ providerId, state, waitMs }) => ({
      id: providerId,
      state,
      retry_after_ms: waitMs > 0 ? Math.ceil(waitMs) : null,
    }));
}

function demandSchema({ found, needed }: { found: string | undefined; needed: string | undefined }): void {
  if (found !== needed)
    throw new DomainError('not_ready', `The schema is at ${found ?? 'nothing'}, this build needs ${needed}.`);
}

async function check(what: string, probe: () => Promise<unknown>): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<Check>((resolve) => {
    timer = setTimeout(resolve, LIMIT_MS, { ok: false, message: `${what} did not answer within ${LIMIT_MS} ms.` });
  });
  const result = probe().then(
    () => ({ ok: true }),
    (error: unknown) => ({
      ok: false,
      message: error instanceof DomainError ? error.message : `${what} cannot be used.`,
    }),
  );
  try {
    return await Promise.race([result, limit]);
  } finally {
    clearTimeout(timer);
  }
}
