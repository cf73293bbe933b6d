/** The Koa application: every request passes here, is answered once and logged once. */
import Koa, { type Context } from 'koa';
import type { Contract, ContractOperation } from '../contract/contract.ts';
import type { AnyReply } from '../contract/handler.ts';
import { DomainError, type FieldFault } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { AuthoriseDeps } from './authorise.ts';
import { dispatch, findOperation } from './dispatch.ts';
import { type ErrorAnswer, toErrorAnswer } from './error-answer.ts';
import type { Incoming } from './incoming.ts';
import { requestIdOf, traceIdOf } from './request-id.ts';
import { sendBytes } from './send-bytes.ts';
import { drainRefused } from './upload/drain-refused.ts';
import { awaitsContinue } from './upload/expect-continue.ts';
import { UploadAbortedError, UploadStalledError } from './upload/upload-errors.ts';

/** A reader that takes nothing for this long is disconnected, in milliseconds. */
const READER_IDLE_TIMEOUT_MS = 15_000;

/** A refused upload is read on for this long, so that the client sees the answer instead of a reset connection. */
const DRAIN = { bytesMax: 32_000_000, timeoutMs: 5_000 } as const;

/** One line per request, and what went wrong. */
export type HttpLog = Pick<Log, 'debug' | 'info' | 'error'>;

/** What the application is made of. */
export interface AppOptions {
  readonly contract: Contract;
  readonly clientAddress: (req: Context['req']) => string;
  readonly log: HttpLog;
  readonly access: AuthoriseDeps;
  /** Called with what an answer does that the contract does not say; given where answers are checked (tests, development). */
  readonly onFaultyResponse?: (operationId: string, faults: readonly FieldFault[]) => void;
}

/** The client closed the connection before it was answered. */
class ClientGoneError extends Error {
  constructor() {
    super('the client is gone');
    this.name = 'ClientGoneError';
  }
}

/** Builds the application. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa();
  // Koa would write connection faults to standard error by itself, outside the log and its redaction
  app.on('error', (error: unknown) => options.log.debug({ err: error }, 'connection fault'));
  app.use((ctx) => answer(options, ctx));
  return app;
}

async function answer(options: AppOptions, ctx: Context): Promise<void> {
  const arrivedAt = performance.now();
  const requestId = requestIdOf(ctx.req.headers);
  ctx.respond = false;
  ctx.res.setHeader('X-Request-Id', requestId);
  ctx.res.setHeader('X-Content-Type-Options', 'nosniff');
  const gone = new AbortController();
  const onClose = () => {
    if (!ctx.res.writableFinished) gone.abort(new ClientGoneError());
  };
  ctx.res.once('close', onClose);
  const incoming = incomingOf(ctx, {
    requestId,
    clientAddress: options.clientAddress(ctx.req),
    arrivedAt,
    gone: gone.signal,
  });
  const line: Line = {
    request_id: requestId,
    trace_id: traceIdOf(ctx.req.headers),
    client: incoming.context.clientAddress,
  };
  try {
    const match = findOperation(options.contract, incoming);
    line.operation = match.operation.operationId;
    const reply = await dispatch(options.contract, options.access, match, incoming);
    checkReply(options, match.operation, reply);
    line.job_id = reply.headers?.['X-Job-Id'];
    line.sent = await sendReply(ctx, reply);
  } catch (error) {
    line.sent = await sendError(options, ctx, incoming, line, error);
  }
  options.log.info(
    {
      ...line,
      method: ctx.req.method,
      path: incoming.path.slice(0, 200),
      status: ctx.res.statusCode,
      duration_ms: Math.round((performance.now() - arrivedAt) * 10) / 10,
    },
    'request',
  );
}

interface Line {
  request_id: string;
  trace_id: string | undefined;
  client: string;
  operation?: string;
  job_id?: string | undefined;
  code?: string;
  sent?: string;
}

function incomingOf(ctx: Context, context: Incoming['context']): Incoming {
  const url = ctx.req.url ?? '/';
  const at = url.indexOf('?');
  return {
    req: ctx.req,
    res: ctx.res,
    path: at < 0 ? url : url.slice(0, at),
    search: at < 0 ? '' : url.slice(at + 1),
    context,
  };
}

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

async function sendReply(ctx: Context, reply: AnyReply): Promise<string> {
  const { req, res } = ctx;
  const isHead = req.method === 'HEAD';
  res.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers ?? {})) res.setHeader(name, value);
  if (reply.bytes !== undefined) {
    res.setHeader('Content-Type', reply.contentType ?? 'application/octet-stream');
    if (reply.bytes.sizeBytes !== undefined) res.setHeader('Content-Length', reply.bytes.sizeBytes);
    return sendBytes(res, reply.bytes, { idleTimeoutMs: READER_IDLE_TIMEOUT_MS, headOnly: isHead });
  }
  if (reply.body === undefined) {
    res.end();
    return 'sent';
  }
  return sendText(ctx, reply.contentType ?? 'application/json', JSON.stringify(reply.body));
}

async function sendText({ req, res }: Context, contentType: string, text: string): Promise<string> {
  const body = Buffer.from(text);
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', body.length);
  const isHead = req.method === 'HEAD';
  // behind answers that were not read yet this one is watched, too: a client that never reads is disconnected
  if (req.socket.writableLength > 0) {
    const bytes = { kind: 'memory', parts: [body], sizeBytes: body.length } as const;
    return sendBytes(res, bytes, { idleTimeoutMs: READER_IDLE_TIMEOUT_MS, headOnly: isHead });
  }
  res.end(isHead ? undefined : body);
  return 'sent';
}

async function sendError(
  options: AppOptions,
  ctx: Context,
  incoming: Incoming,
  line: Line,
  error: unknown,
): Promise<string> {
  const { req, res } = ctx;
  if (error instanceof UploadAbortedError || error instanceof ClientGoneError) return 'gone';
  const isExpected = error instanceof DomainError || error instanceof UploadStalledError;
  if (!isExpected || (error instanceof DomainError && error.status === 503))
    options.log.error({ request_id: line.request_id, err: error }, 'request failed');
  if (res.destroyed) return 'gone';
  if (error instanceof UploadStalledError || res.headersSent) {
    req.destroy();
    return 'disconnected';
  }
  const answered = toErrorAnswer(error, incoming.context.requestId, req.headers.accept);
  line.code = answered.code;
  if (error instanceof DomainError && typeof error.details?.job_id === 'string') line.job_id = error.details.job_id;
  await sendErrorAnswer(ctx, answered);
  return 'sent';
}

/** Answers and, where the body is still coming, reads on for a while before closing: a reset would take the answer with it. */
async function sendErrorAnswer(ctx: Context, answered: ErrorAnswer): Promise<void> {
  const { req, res } = ctx;
  const isUnread = !req.complete && (req.headers['transfer-encoding'] ?? req.headers['content-length'] ?? '0') !== '0';
  res.statusCode = answered.status;
  for (const [name, value] of Object.entries(answered.headers)) res.setHeader(name, value);
  if (!isUnread) return void (await sendText(ctx, answered.contentType, answered.body));
  // a client that was not told to go on will not send its body
  if (awaitsContinue(req)) res.setHeader('Connection', 'close');
  // whole and with its length, so that the client has it; ended only after the drain, because Node may cut the connection then
  const body = Buffer.from(answered.body);
  res.setHeader('Content-Type', answered.contentType);
  res.setHeader('Content-Length', body.length);
  res.write(body);
  await drainRefused(req, DRAIN);
  res.end();
}
