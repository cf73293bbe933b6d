/**
 * A server that another process owns, as long as that process lives. Who is attached looks every second whether there still is
 * an owner. When there is none, one of those attached takes the ownership (the lock lets only one), adopts the server or
 * starts it again on the same port, so that everybody's connections are good or come back by themselves, and is its owner
 * from then on.
 */
import { type Attachment, registerAttachment } from './attachments.ts';
import { endOrphan } from './leave-server.ts';
import { type EmbeddedHome, type OwnedServer, ownServer } from './own-server.ts';
import { currentOwner, type OwnerRecord, takeOwnership } from './owner-lock.ts';
import { connectionUrl, superuserPassword, verifyServer } from './superuser.ts';

/** How soon a lost owner is noticed; ± a quarter, so that processes started together do not look at the same moments. */
const WATCH_EVERY_MS = 1_000;

/** A server this process uses, and owns once its owner is gone. */
export interface AttachedServer {
  readonly port: number;
  readonly url: string;
  isOwner(): boolean;
  /** Ends the watch, waits for a takeover under way, and leaves the server, or gives it up when this process owns it by now. To be called once. */
  stop(): Promise<void>;
}

const nextLookMs = (): number => WATCH_EVERY_MS * (0.75 + Math.random() / 2);

/** On a disk so full that it takes no empty file the server can still be used, for example to clean up. */
function register({ stateDirectory, log }: EmbeddedHome): Attachment {
  try {
    return registerAttachment(stateDirectory);
  } catch (error) {
    log.warn({ err: error }, 'The owner of the embedded database cannot be told that this process uses it');
    return { end: () => {} };
  }
}

/** Takes the server over when nobody owns it: `held` when somebody does, `moved` when it runs on another port by now. */
async function takeOverIfLost(home: EmbeddedHome, port: number): Promise<OwnedServer | 'held' | 'moved'> {
  const { stateDirectory, log } = home;
  const startedAt = performance.now();
  const ownership = takeOwnership(stateDirectory);
  const knownPort = ownership.owned ? ownership.lock.rememberedPort : ownership.record.port;
  if (knownPort !== undefined && knownPort !== port) {
    if (ownership.owned) ownership.lock.publish('released');
    const message = 'The embedded database moved to another port with its new owner: start this process again';
    log.error({ port, new_port: knownPort }, message);
    return 'moved';
  }
  if (!ownership.owned) return 'held';
  const owned = await ownServer({ home, lock: ownership.lock, port, mayCreate: false });
  const durationMs = Math.round(performance.now() - startedAt);
  log.info(
    { origin: owned.origin, port: owned.port, duration_ms: durationMs },
    'Took over the embedded PostgreSQL, whose owner is gone',
  );
  return owned;
}

/** Looks again and again whether the server is owned, and takes it over when not. Keeps no process alive. */
function watchOwner(
  home: EmbeddedHome,
  port: number,
  attachment: Attachment,
): Pick<AttachedServer, 'isOwner' | 'stop'> {
  let owned: OwnedServer | undefined;
  let looking: Promise<void> | undefined;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    try {
      const outcome = await takeOverIfLost(home, port);
      if (outcome === 'held') return;
      isOver = true;
      if (outcome !== 'moved') owned = outcome;
      attachment.end();
    } catch (error) {
      home.log.error({ err: error }, 'The embedded PostgreSQL could not be taken over; still trying');
    } finally {
      lookLater();
    }
  };
  const lookLater = (): void => {
    if (isOver) return;
    timer = setTimeout(() => {
      looking = look();
    }, nextLookMs()).unref();
  };
  lookLater();
  return {
    isOwner: () => owned !== undefined,
    stop: async () => {
      isOver = true;
      clearTimeout(timer);
      await looking;
      if (owned !== undefined) return owned.stop();
      attachment.end();
      await endOrphan(home);
    },
  };
}

function assertOffered(record: OwnerRecord | undefined): void {
  if (record?.state === 'ready') return;
  const who = record === undefined ? 'Its owner is gone' : `Process ${record.pid} is still ${record.state} it`;
  throw new Error(`The embedded database is not offered: ${who}`);
}

/**
 * Tries once to use the owner's server.
 *
 * @throws Error why that is not possible (yet), with nothing left registered.
 */
export async function attachServer(home: EmbeddedHome, record: OwnerRecord): Promise<AttachedServer> {
  assertOffered(record);
  const port = record.port as number;
  const password = superuserPassword(home.stateDirectory, { mayCreate: false });
  const url = connectionUrl({ user: home.user, password, port });
  const attachment = register(home);
  try {
    assertOffered(currentOwner(home.stateDirectory));
    await verifyServer(url, undefined);
  } catch (error) {
    attachment.end();
    throw error;
  }
  return { port, url, ...watchOwner(home, port, attachment) };
}
