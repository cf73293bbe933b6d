/**
 * One connection per process that listens, for any number of waiters. A notification is only a hint to look: those sent while
 * the connection was down are lost, so after every (re)connect `onGap` tells everyone to look for themselves.
 *
 *   connecting → up → (error, end, or a ping unanswered) → pause with jitter → connecting …      stop() ends it anywhere
 */
import { Client, escapeIdentifier } from 'pg';
import type { Log } from '../log.ts';

const CONNECT_LIMIT_MS = 3_000;
const FIRST_PAUSE_MS = 50;
const GOODBYE_LIMIT_MS = 500;

/** What to listen to, and whom to tell. */
export interface ListenOptions {
  /** Must reach PostgreSQL itself: LISTEN does not work through a pooler in transaction mode. */
  readonly connectionString: string;
  readonly channels: readonly string[];
  /** May come before the answer to the statement that caused it. What it throws is logged, no more. */
  readonly onNotification: (channel: string, payload: string) => void;
  /** After every connect, the first included: notifications may have been missed. */
  readonly onGap: () => void;
  /** Default 10,000. */
  readonly pingIntervalMs?: number;
  /** Default 3,000. */
  readonly pingTimeoutMs?: number;
  /** The longest pause between two tries to connect, before jitter (× 0.5–1.5); default 5,000. */
  readonly backoffMaxMs?: number;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

/** A connection that listens until it is stopped. */
export interface Listener {
  /** Resolves when the channels are first listened to, after the first `onGap`. Rejects only when stopped before that. */
  readonly ready: Promise<void>;
  /** Whether notifications arrive now, as far as the last ping shows. */
  isUp(): boolean;
  /** Ends it in whatever state, without waiting for an unreachable database; no handler is called afterwards. */
  stop(): Promise<void>;
}

/** Says goodbye if the server takes it, and cuts the socket if it does not: a stalled one would keep the process alive. */
async function close(client: Client): Promise<void> {
  const cut = setTimeout(() => {
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }, GOODBYE_LIMIT_MS);
  await client.end().catch(() => {});
  clearTimeout(cut);
}

/** Asks at every interval for an answer, the only way to notice a network that went silent. Returns how to stop it. */
function startPinging(
  client: Client,
  intervalMs: number,
  timeoutMs: number,
  onFailed: (error: Error) => void,
): () => void {
  let isStopped = false;
  let timer: NodeJS.Timeout;
  const ping = (): void => {
    timer = setTimeout(onFailed, timeoutMs, new Error(`No answer to a ping within ${timeoutMs} ms`));
    client.query('select 1').then(() => {
      clearTimeout(timer);
      if (!isStopped) timer = setTimeout(ping, intervalMs);
    }, onFailed);
  };
  timer = setTimeout(ping, intervalMs);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/** One connection from its beginning to its end. What an ended one still says (a late error, a ping's answer) is not heard. */
interface Life {
  /** Ends it, without a word to `onLost`; again: the same promise. */
  end(): Promise<void>;
}

function beginLife(
  options: ListenOptions,
  events: { onUp(): void; onLost(error: Error): void; onHeard(handler: () => void): void },
): Life {
  const client = new Client({
    connectionString: options.connectionString,
    application_name: 'photochanger-listen',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
  });
  let ended: Promise<void> | undefined;
  let stopPinging = (): void => {};
  const connectTimer = setTimeout(
    () => lose(new Error(`Not connected within ${CONNECT_LIMIT_MS} ms`)),
    CONNECT_LIMIT_MS,
  );
  const end = (): Promise<void> => {
    clearTimeout(connectTimer);
    stopPinging();
    ended ??= close(client);
    return ended;
  };
  function lose(error: Error): void {
    if (ended !== undefined) return;
    void end();
    events.onLost(error);
  }
  const subscribe = async (): Promise<void> => {
    await client.connect();
    await client.query(options.channels.map((channel) => `listen ${escapeIdentifier(channel)}`).join('; '));
    if (ended !== undefined) return;
    clearTimeout(connectTimer);
    stopPinging = startPinging(client, options.pingIntervalMs ?? 10_000, options.pingTimeoutMs ?? 3_000, lose);
    events.onUp();
  };
  client.on('error', lose);
  client.on('end', () => lose(new Error('The database closed the connection')));
  client.on('notification', ({ channel, payload = '' }) => {
    if (ended === undefined) events.onHeard(() => options.onNotification(channel, payload));
  });
  subscribe().catch(lose);
  return { end };
}

/** Calls a handler whose faults are the log's matter, whether it throws or answers with a promise that rejects. */
function callGuarded(handler: () => unknown, log: ListenOptions['log']): void {
  const onFailed = (error: unknown): void => log.error({ err: error }, 'A handler of database notifications failed');
  try {
    Promise.resolve(handler()).catch(onFailed);
  } catch (error) {
    onFailed(error);
  }
}

/**
 * Listens until stopped, reconnecting by itself. Never throws from a timer or an event; an outage is logged once, and its end.
 *
 * @throws {TypeError} at once when the connection string is not one.
 */
export function listen(options: ListenOptions): Listener {
  const { log, backoffMaxMs = 5_000 } = options;
  const { promise: ready, resolve: becomeReady, reject: refuseReady } = Promise.withResolvers<void>();
  ready.catch(() => {});
  let isUp = false;
  let isOutageTold = false;
  let pauseMs = FIRST_PAUSE_MS;
  let pauseTimer: NodeJS.Timeout | undefined;
  const onUp = (): void => {
    if (isOutageTold) log.info({ channels: options.channels }, 'Database notifications arrive again');
    isOutageTold = false;
    isUp = true;
    pauseMs = FIRST_PAUSE_MS;
    callGuarded(options.onGap, log);
    becomeReady();
  };
  const onLost = (error: Error): void => {
    if (!isOutageTold) log.warn({ err: error }, 'No database notifications for now; polling carries on');
    isOutageTold = true;
    isUp = false;
    pauseTimer = setTimeout(begin, pauseMs * (0.5 + Math.random()));
    pauseMs = Math.min(backoffMaxMs, pauseMs * 2);
  };
  let life: Life | undefined;
  function begin(): void {
    life = beginLife(options, { onUp, onLost, onHeard: (handler) => callGuarded(handler, log) });
  }
  begin();
  return {
    ready,
    isUp: () => isUp,
    stop: async () => {
      isUp = false;
      clearTimeout(pauseTimer);
      refuseReady(new Error('Stopped before the database was reached'));
      await life?.end();
    },
  };
}
