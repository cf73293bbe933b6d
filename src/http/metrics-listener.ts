/** A listener of its own for whoever collects metrics: it serves nothing else and asks for no token, so its address must be private. */
import Koa, { type Context } from 'koa';
import { DomainError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { toErrorAnswer } from './error-answer.ts';
import { requestIdOf } from './request-id.ts';
import { type HttpServer, type ListenAddress, startHttpServer } from './server.ts';

/** Where to listen, and what to serve. */
export interface MetricsListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Carried by every answer. */
  readonly headers: NonNullable<ListenAddress['headers']>;
  readonly metrics: Pick<Metrics, 'contentType' | 'render'>;
  readonly log: Pick<Log, 'error' | 'debug'>;
}

/** Serves `GET /metrics`. Rejects when the address cannot be taken. */
export function startMetricsListener({ metrics, log, ...where }: MetricsListenerOptions): Promise<HttpServer> {
  const app = new Koa();
  app.on('error', (error: unknown) => log.debug({ err: error }, 'connection fault'));
  app.use((ctx) => answer(ctx, metrics, log));
  const onError = (error: Error) => log.error({ err: error }, 'a connection could not be accepted');
  return startHttpServer(app, { ...where, onError });
}

async function answer(
  ctx: Context,
  metrics: MetricsListenerOptions['metrics'],
  log: MetricsListenerOptions['log'],
): Promise<void> {
  const requestId = requestIdOf(ctx.req.headers);
  ctx.set({ 'X-Request-Id': requestId, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' });
  try {
    demandMetrics(ctx);
    const text = await metrics.render();
    ctx.set('Content-Type', metrics.contentType);
    ctx.body = text;
  } catch (error) {
    if (!(error instanceof DomainError)) log.error({ request_id: requestId, err: error }, 'request failed');
    const answered = toErrorAnswer(error, requestId, ctx.req.headers.accept);
    ctx.status = answered.status;
    ctx.set({ ...answered.headers, 'Content-Type': answered.contentType });
    ctx.body = answered.body;
  }
}

function demandMetrics({ path, method }: Context): void {
  if (path !== '/metrics') throw new DomainError('not_found', 'There is nothing at this address but /metrics.');
  if (method !== 'GET' && method !== 'HEAD')
    throw new DomainError('method_not_allowed', 'This address takes GET, HEAD.', { details: { allow: 'GET, HEAD' } });
}
