import { Kysely, PostgresDialect } from 'kysely';
import { Client, type ClientConfig, Pool, type PoolClient, type QueryResultRow, types } from 'pg';
import type { Database } from './tables.ts';

/** How much longer than the server's own limit a statement may stay unanswered before its connection is given up. */
const ANSWER_GRACE_MS = 2_000;
const CONNECT_LIMIT_MS = 5_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
const IDLE_LIMIT_MS = 60_000;

const QUERY_READ_TIMEOUT = 'Query read timeout';

/**
 * A client that leaves when a statement was not answered in time. pg's `query_timeout` alone only rejects the promise: the
 * client goes back to the pool with the lost statement still in front of whatever comes next.
 */
class BoundedClient extends Client {
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of pg are passed through as they are
  override query(...parameters: any[]): any {
    // biome-ignore lint/suspicious/noExplicitAny: see above
    const answer: unknown = (super.query as (...all: any[]) => unknown)(...parameters);
    if (answer instanceof Promise) {
      answer.catch((error: Error) => {
        if (error.message === QUERY_READ_TIMEOUT) void this.end();
      });
    }
    return answer;
  }
}

const parseInt8 = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`The database sent the integer ${text}, which a JavaScript number cannot hold exactly`);
};

const asText = (text: string): string => text;

/** `date` and `timestamp` name no instant: pg would read them in this machine's time zone. */
const PARSERS = new Map<number, (text: string) => unknown>([
  [types.builtins.INT8, parseInt8],
  [types.builtins.DATE, asText],
  [types.builtins.TIMESTAMP, asText],
]);

const typeParsers = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : PARSERS.get(oid)) ?? types.getTypeParser(oid, format as 'text'),
} as NonNullable<ClientConfig['types']>;

/** What a pool is made from. */
export interface PoolOptions {
  readonly connectionString: string;
  /** Connections at most. */
  readonly poolSize: number;
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string;
  /** The server ends a statement after this; this side gives the connection up 2 s later. 0: no limit on either side. */
  readonly statementTimeoutMs: number;
  /** A connection that broke, idle or in use; told once per connection. For the log: the pool replaces it by itself. */
  readonly onError: (error: Error) => void;
}

/**
 * A pool that a broken, silent or restarted database cannot crash or clog: every connection has an error listener at all
 * times, connecting and waiting for a free connection end after 5 s, no statement waits for ever, and a connection
 * that did not answer is closed instead of being handed to the next.
 *
 * int8 is read as a number, and as an error when it is none exactly; timestamptz as a `Date`; date and timestamp as text.
 */
export function createPool(options: PoolOptions): Pool {
  const { statementTimeoutMs } = options;
  const limits = { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + ANSWER_GRACE_MS };
  const pool = new Pool({
    connectionString: options.connectionString,
    max: options.poolSize,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    idleTimeoutMillis: IDLE_LIMIT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    types: typeParsers,
    Client: BoundedClient,
    ...(statementTimeoutMs === 0 ? {} : limits),
  });
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    let isTold = false;
    client.on('error', (error) => {
      if (!isTold) options.onError(error);
      isTold = true;
    });
  });
  return pool;
}

/** Kysely over a pool. `destroy()` of it ends the pool: only the pool's owner does that. */
export function createKysely(pool: Pool): Kysely<Database> {
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}

/** A statement prepared once per connection under its name: 1.9 times as fast as the same one without. */
export interface NamedStatement {
  /** One name, one text, in all of the program. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The database did not answer in the time the caller had. Whether the statement took effect is not known. */
export class QueryTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(name: string, timeoutMs: number) {
    super(`The database did not answer statement ${name} within ${timeoutMs} ms`);
    this.name = 'QueryTimeoutError';
  }
}

/**
 * Runs a hot statement, waiting for a free connection included, for at most `timeoutMs`; then the connection is closed, which
 * rolls back what it had begun as soon as the server notices. A statement that fails keeps its connection (pg's own
 * `pool.query` closes it after any error, a violated constraint included).
 *
 * @throws {QueryTimeoutError} when the limit is over; otherwise what pg throws.
 */
export async function query<Row extends QueryResultRow>(
  pool: Pool,
  statement: NamedStatement,
  { timeoutMs }: { timeoutMs: number },
): Promise<Row[]> {
  const timeout = new QueryTimeoutError(statement.name, timeoutMs);
  let client: PoolClient | undefined;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isOver = true;
      client?.release(timeout);
      reject(timeout);
    }, timeoutMs);
  });
  const run = async (): Promise<Row[]> => {
    const connected = await pool.connect();
    if (isOver) {
      connected.release();
      throw timeout;
    }
    client = connected;
    try {
      return (await connected.query<Row>({ ...statement, values: [...statement.values] })).rows;
    } finally {
      if (!isOver) connected.release();
    }
  };
  try {
    return await Promise.race([run(), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Node's codes of sockets and name look-up: the database was not reached, or no longer. */
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
]);

/**
 * SQLSTATEs of a database that cannot serve now (PostgreSQL, appendix A): class 08 connection, class 53 resources (disk,
 * memory, connections), 57P01–57P05 shut down or not up yet, 57014 statement timeout, 55P03 lock timeout, 25006 a standby.
 */
const SQLSTATES = /^(08...|53...|57P0[1-5]|57014|55P03|25006)$/;

/** What pg and pg-pool say without a code; from their sources, versions 8.23 and 3.14. */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/;

/**
 * Whether an error means that the database is away, silent or overloaded, so that the same request may succeed later and is
 * answered 503 `queue_unavailable`. A violated constraint, a deadlock or a fault in a statement is none. Looks through
 * `cause` and `AggregateError`.
 */
export function isConnectionFault(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 10; current = current.cause, depth++) {
    const { code } = current as { code?: unknown };
    if (typeof code === 'string' && (SOCKET_CODES.has(code) || SQLSTATES.test(code))) return true;
    if (MESSAGES.test(current.message)) return true;
    if (current instanceof AggregateError && current.errors.some(isConnectionFault)) return true;
  }
  return false;
}
