import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import type { Db } from '../db/db.ts';
import { startMetricsListener } from '../http/metrics-listener.ts';
import type { Log } from '../log.ts';
import type { MediaStore } from '../media/store.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import type { Provider } from '../providers/provider.ts';
import type { HeldRequests } from '../services/job/held-requests.ts';
import { rehearsalHeaders } from './rehearsal-marks.ts';

/** What is watched. */
export interface MetricsParts {
  readonly config: Config;
  readonly log: Log;
  readonly db: Db;
  readonly store: MediaStore;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly held: HeldRequests;
}

/** The metrics of a process. */
export interface OpenMetrics {
  readonly metrics: Metrics;
  /** Of the listener of their own; undefined where none is configured. */
  readonly address: AddressInfo | undefined;
  /** Ends that listener at once: whoever collects metrics asks again. */
  end(): Promise<void>;
}

/** Makes the metrics, and serves them on a port of their own where one is configured. Rejects when that port is taken. */
export async function openMetrics({ config, log, db, store, providers, held }: MetricsParts): Promise<OpenMetrics> {
  const { METRICS_HOST: host, METRICS_PORT: port, METRICS_TOKEN: token } = config.values;
  const metrics = createMetrics({
    db,
    providerIds: [...providers.keys()],
    heldCount: held.count,
    freeBytes: store.freeBytes,
    isServed: token !== undefined || port !== undefined,
  });
  const http =
    port === undefined
      ? undefined
      : await startMetricsListener({ host, port, headers: rehearsalHeaders(config), metrics, log });
  const end = async () => {
    const closed = http?.close();
    http?.destroy();
    await closed;
  };
  return { metrics, address: http?.address, end };
}
