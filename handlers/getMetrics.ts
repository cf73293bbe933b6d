import type { Handler } from '../src/contract/handler.ts';
import type { Metrics } from '../src/observability/metrics.ts';

/** Serves the metrics of this process, and what it sees of the whole installation. */
export const getMetrics =
  (metrics: Pick<Metrics, 'contentType' | 'render'>): Handler<'getMetrics'> =>
  async () => {
    const bytes = Buffer.from(await metrics.render());
    return {
      status: 200,
      // the contract names the type without its parameters
      contentType: metrics.contentType as 'text/plain',
      headers: { 'Cache-Control': 'no-store' },
      bytes: { kind: 'memory', parts: [bytes], sizeBytes: bytes.length },
    };
  };
