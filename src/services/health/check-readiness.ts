import type { Db } from '../../db/db.ts';
import { DomainError } from '../../domain/errors.ts';
import type { MediaStore } from '../../media/store.ts';
import { findSchemaState, pingDatabase } from '../../repositories/schema.ts';

/** What is checked. */
export interface ReadinessDeps {
  readonly db: Db;
  readonly store: MediaStore;
  readonly isDraining: () => boolean;
}

/** One check: passed, or why not. */
export interface Check {
  readonly ok: boolean;
  readonly message?: string;
}

/** Every check passed. */
export interface Readiness {
  readonly status: 'ready';
  readonly checks: {
    readonly database: Check;
    readonly schema_version: Check;
    readonly media_store: Check;
    readonly draining: Check;
  };
}

const LIMIT_MS = 1_000;

/** Checks everything an ingest needs, in at most a second. @throws DomainError `not_ready` with every check in `details.checks`. */
export async function checkReadiness(deps: ReadinessDeps): Promise<Readiness> {
  const [database, schema_version, media_store] = await Promise.all([
    check('The database', () => pingDatabase(deps.db)),
    check('The schema', async () => demandSchema(await findSchemaState(deps.db))),
    check('The media store', () => deps.store.assertFreeSpace()),
  ]);
  const draining: Check = deps.isDraining() ? { ok: false, message: 'The server is shutting down.' } : { ok: true };
  const checks = { database, schema_version, media_store, draining };
  const failed = Object.entries(checks).filter(([, { ok }]) => !ok);
  if (failed.length === 0) return { status: 'ready', checks };
  throw new DomainError('not_ready', `Not ready: ${failed.map(([name]) => name).join(', ')}.`, {
    details: { checks },
    retryAfterSeconds: 5,
  });
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
