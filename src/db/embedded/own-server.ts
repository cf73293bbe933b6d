import type { Log } from '../../log.ts';
import { prepareBinaries } from './binaries.ts';
import { type BringUpOrigin, bringUp, type StartPlan, startWithRetries } from './bring-up.ts';
import { clusterMajorVersion } from './cluster.ts';
import { announce, giveUpServer } from './leave-server.ts';
import type { OwnerLock } from './owner-lock.ts';
import { choosePlace, type Place } from './place.ts';
import { type RunningServer, stopServer } from './server.ts';
import { connectionUrl, superuserPassword, verifyServer } from './superuser.ts';
import { supervise } from './supervise.ts';

/** What has to be known of a home to own or use its server. */
export interface EmbeddedHome {
  readonly stateDirectory: string;
  /** The superuser's name in the database. */
  readonly user: string;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

/** What becoming the owner takes. */
export interface Owning {
  readonly home: EmbeddedHome;
  /** The ownership this process has just taken. */
  readonly lock: OwnerLock;
  /** The only port to start the server on; `undefined`: the remembered one if it is free, else a random one. */
  readonly port: number | undefined;
  /** Whether to make a database where there is none. */
  readonly mayCreate: boolean;
}

/** The server as its owner holds it. */
export interface OwnedServer {
  readonly origin: BringUpOrigin;
  readonly port: number;
  readonly url: string;
  readonly place: Place;
  /** Ends the supervision and gives the server up, see {@link giveUpServer}. To be called once. */
  stop(): Promise<void>;
}

/** Brings up and proves the server, and announces it to the processes that wait to attach. */
async function takeCharge(
  plan: StartPlan,
  lock: OwnerLock,
): Promise<{ server: RunningServer; origin: BringUpOrigin; url: string }> {
  const { dataDirectory } = plan.place;
  const { server, origin } = await bringUp(plan);
  try {
    const url = connectionUrl({ ...plan, port: server.port });
    await verifyServer(url, dataDirectory);
    lock.publish('ready', server.port);
    return { server, origin, url };
  } catch (error) {
    if (origin !== 'adopted') await stopServer(server.pid, dataDirectory, plan.binaries.pgCtl);
    throw error;
  }
}

async function own({ home, lock, port: wantedPort, mayCreate }: Owning): Promise<OwnedServer> {
  const { stateDirectory, user, log } = home;
  const place = choosePlace(stateDirectory, log);
  const { dataDirectory, account } = place;
  const binaries = prepareBinaries({ copyParent: place.baseDirectory, account, log });
  const isNew = mayCreate && clusterMajorVersion(dataDirectory) === undefined;
  const password = superuserPassword(stateDirectory, { mayCreate: isNew });
  const { rememberedPort } = lock;
  const plan: StartPlan = { place, binaries, user, password, port: wantedPort, rememberedPort, mayCreate, log };
  const { server, origin, url } = await takeCharge(plan, lock);
  const { port } = server;
  const supervision = supervise({ server, log, restart: () => startWithRetries({ ...plan, port }) });
  return {
    origin,
    port,
    url,
    place,
    stop: async () => {
      await supervision.stop();
      await giveUpServer(lock, { stateDirectory, dataDirectory, pgCtl: binaries.pgCtl, log });
    },
  };
}

/**
 * Makes the server run as its owner, and supervises it from then on.
 *
 * @throws {EmbeddedPostgresError} with the ownership given back, and nothing started by it left running.
 */
export async function ownServer(owning: Owning): Promise<OwnedServer> {
  try {
    return await own(owning);
  } catch (error) {
    announce(owning.lock, 'released', owning.home.log);
    throw error;
  }
}
