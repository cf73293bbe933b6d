import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

/** A proxy in front of the server of a test database; `through(url)` is the way to the database. */
export function startDatabaseProxy(database: { readonly url: string }): Promise<FaultProxy> {
  const { hostname, port } = new URL(database.url);
  return startFaultProxy({ targetHost: hostname, targetPort: Number(port) });
}
