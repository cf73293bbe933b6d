import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that misbehaves on demand, to stand between a client and a database or a provider. */
export interface FaultProxy {
  readonly port: number;
  /** The proxy's own address; {@link FaultProxy.through} rewrites a whole URL. */
  readonly url: string;
  /** The same URL with host and port replaced by the proxy's. */
  through(url: string): string;
  /** Resets every connection; new ones are still taken. */
  cut(): void;
  /** Nothing passes in either direction, and nothing is closed: the peer is silent. New connections are stalled too. */
  stall(): void;
  /** Ends a stall; what waited passes. */
  resume(): void;
  /** Resets every new connection at once. */
  refuse(): void;
  /** Takes new connections again. */
  accept(): void;
  /** Clients connected now. */
  connections(): number;
  /** Resolves when that many clients are connected at once. */
  waitForConnections(count: number): Promise<void>;
  /** Resets what is open and gives the port back. */
  stop(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly target: Socket;
}

function setFlow({ client, target }: Link, isStalled: boolean): void {
  for (const [from, to] of [[client, target] as const, [target, client] as const]) {
    if (isStalled) from.unpipe(to).pause();
    else from.pipe(to);
  }
}

/** The pairs of sockets that are open, and what is done to them. */
function createLinks(openTarget: () => Socket) {
  const links = new Set<Link>();
  const waiters = new Set<() => void>();
  let isStalled = false;
  return {
    links,
    waiters,
    add(client: Socket): void {
      const target = openTarget();
      const link = { client, target };
      links.add(link);
      const end = (): void => {
        links.delete(link);
        client.destroy();
        target.destroy();
      };
      target.on('error', () => {});
      client.on('close', end);
      target.on('close', end);
      setFlow(link, isStalled);
      for (const check of [...waiters]) check();
    },
    setStalled(wanted: boolean): void {
      if (isStalled === wanted) return;
      isStalled = wanted;
      for (const link of links) setFlow(link, isStalled);
    },
    cut(): void {
      for (const { client, target } of [...links]) {
        client.resetAndDestroy();
        target.destroy();
      }
    },
  };
}

/** Starts a proxy on a free port of 127.0.0.1 in front of `targetHost:targetPort`. */
export async function startFaultProxy(options: { targetHost: string; targetPort: number }): Promise<FaultProxy> {
  const { links, waiters, add, setStalled, cut } = createLinks(() => connect(options.targetPort, options.targetHost));
  let isRefusing = false;
  const setRefusing = (wanted: boolean): void => {
    isRefusing = wanted;
  };
  const server = createServer((client) => {
    client.on('error', () => {});
    if (isRefusing) client.resetAndDestroy();
    else add(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    port,
    url: `tcp://127.0.0.1:${port}`,
    through: (url) => Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href,
    cut,
    stall: () => setStalled(true),
    resume: () => setStalled(false),
    refuse: () => setRefusing(true),
    accept: () => setRefusing(false),
    connections: () => links.size,
    waitForConnections: (count) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const check = (): void => {
        if (links.size < count) return;
        waiters.delete(check);
        resolve();
      };
      waiters.add(check);
      check();
      return promise;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
