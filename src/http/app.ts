/** The Koa application: every request passes here, is answered once and logged once. */
import Koa, { type Context } from 'koa';
import type { Contract, ContractOperation } from '../contract/contract.ts';
import type { AnyReply } from '../contract/handler.ts';
import { DomainError, type FieldFault } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { AuthoriseDeps } from './authorise.ts';
import { dispatch, findOperation } from './dispatch.ts';
import { toErrorAnswer } from './error-answer.ts';
import { ClientGoneError, HttpContext } from './http-context.ts';
import type { Incoming } from './incoming.ts';
import { traceIdOf } from './request-id.ts';
import { type Sent, sendErrorAnswer, sendReply } from './send-reply.ts';
import { UploadAbortedError, UploadStalledError } from './upload/upload-errors.ts';

/** One line per request, and what went wrong. */
export type HttpLog = Pick<Log, 'debug' | 'info' | 'error'>;

/** What the application is made of. */
export interface AppOptions {
  readonly contract: Contract;
  readonly clientAddress: (req: Context['req']) => string;
  readonly log: HttpLog;
  readonly access: AuthoriseDeps;
  /** Told of every request; status 0: no whole answer was sent. `none`: nothing lives at the address. */
  readonly onAnswered?: (operationId: string, status: number, seconds: number) => void;
  /** Called with what an answer does that the contract does not say; given where answers are checked (tests, development). */
  readonly onFaultyResponse?: (operationId: string, faults: readonly FieldFault[]) => void;
}

/** Builds the application. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa();
  // Koa would write connection faults to standard error by itself, outside the log and its redaction
  app.on('error', (error: unknown) => options.log.debug({ err: error }, 'connection fault'));
  app.use((ctx) => {
    ctx.respond = false;
    return answer(options, ctx);
  });
  return app;
}

/** Its order is the order in the log; nothing else is written there of a request. */
interface Line {
  request_id: string;
  trace_id: string | undefined;
  client: string;
  operation: string | undefined;
  job_id: string | undefined;
  code: string | undefined;
  sent: Sent | 'disconnected' | undefined;
  method: string | undefined;
  path: string;
  status: number;
  duration_ms: number;
}

async function answer(options: AppOptions, { req, res }: Context): Promise<void> {
  const incoming = incomingOf(req, res, new HttpContext(req, res, options.clientAddress(req)));
  const line = beginLine(incoming);
  try {
    const match = findOperation(options.contract, incoming);
    line.operation = match.operation.operationId;
    const reply = await dispatch(options.contract, options.access, match, incoming);
    checkReply(options, match.operation, reply);
    line.job_id = reply.headers?.['X-Job-Id'];
    line.sent = await sendReply(incoming, reply);
  } catch (error) {
    line.sent = await sendError(options, incoming, line, error);
  }
  const tookMs = performance.now() - incoming.context.arrivedAt;
  // until an answer begins it is what Koa would have said
  line.status = res.headersSent ? res.statusCode : 0;
  line.duration_ms = Math.round(tookMs * 10) / 10;
  options.onAnswered?.(line.operation ?? 'none', line.sent === 'sent' ? line.status : 0, tookMs / 1000);
  options.log.info(line, 'request');
}

function incomingOf(req: Context['req'], res: Context['res'], context: HttpContext): Incoming {
  const url = req.url ?? '/';
  const at = url.indexOf('?');
  const [path, search] = at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
  return { req, res, path, search, context, isBodyTaken: false };
}

const beginLine = ({ req, path, context }: Incoming): Line => ({
  request_id: context.requestId,
  trace_id: traceIdOf(req.headers),
  client: context.clientAddress,
  operation: undefined,
  job_id: undefined,
  code: undefined,
  sent: undefined,
  method: req.method,
  path: path.slice(0, 200),
  status: 0,
  duration_ms: 0,
});

/** Stands for bytes where only JSON values are checked. */
const NOT_LOOKED_INTO = new Uint8Array();

function checkReply({ contract, onFaultyResponse }: AppOptions, operation: ContractOperation, reply: AnyReply): void {
  if (onFaultyResponse === undefined) return;
  const contentType = reply.contentType ?? (reply.body === undefined ? undefined : 'application/json');
  const faults = contract.validateResponse(
    operation,
    reply.status,
    contentType,
    reply.bytes ? NOT_LOOKED_INTO : reply.body,
  );
  if (faults.length > 0) onFaultyResponse(operation.operationId, faults);
}

async function sendError(
  options: AppOptions,
  incoming: Incoming,
  line: Line,
  error: unknown,
): Promise<Sent | 'disconnected'> {
  const { req, res } = incoming;
  if (error instanceof UploadAbortedError || error instanceof ClientGoneError) return 'gone';
  const isExpected = error instanceof DomainError || error instanceof UploadStalledError;
  if (!isExpected || (error instanceof DomainError && error.status === 503))
    options.log.error({ request_id: line.request_id, err: error }, 'request failed');
  if (res.destroyed) return 'gone';
  if (error instanceof UploadStalledError || res.headersSent) {
    req.destroy();
    return 'disconnected';
  }
  const answered = toErrorAnswer(error, line.request_id, req.headers.accept);
  line.code = answered.code;
  if (error instanceof DomainError && typeof error.details?.job_id === 'string') line.job_id = error.details.job_id;
  return sendErrorAnswer(incoming, answered);
}
