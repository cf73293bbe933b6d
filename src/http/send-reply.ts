/** Sending answers: the head at once, and a JSON value in one write with it. */
import type { AnyReply } from '../contract/handler.ts';
import type { ErrorAnswer } from './error-answer.ts';
import type { Incoming } from './incoming.ts';
import { isBodyUnread } from './request-body-head.ts';
import { releaseBytes, sendBytes } from './send-bytes.ts';
import { drainRefused } from './upload/drain-refused.ts';
import { awaitsContinue } from './upload/expect-continue.ts';

/** Whether the kernel has taken the answer, or the connection ended before. */
export type Sent = 'sent' | 'gone';

/** A reader that takes nothing for this long is disconnected, in milliseconds. */
const READER_IDLE_TIMEOUT_MS = 15_000;

/** A body that nobody wants is read on for this long, so that the client sees the answer instead of a reset connection. */
const DRAIN = { bytesMax: 32_000_000, timeoutMs: 5_000 } as const;

/** What every answer says unless it says something else; pages and pictures that need more have to say so. */
export const DEFAULT_HEADERS = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
] as const;

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Names and values in turn, as `writeHead` takes them: set one by one they cost 4 % of a small answer's CPU time.
 * What lies below `/api` is for one administrator now, and kept by nobody.
 */
function headOf({ context, path }: Incoming, headers: Readonly<Record<string, string>> = NO_HEADERS): string[] {
  const head = ['X-Request-Id', context.requestId];
  for (const [name, value] of DEFAULT_HEADERS) if (headers[name] === undefined) head.push(name, value);
  if (headers['Cache-Control'] === undefined && path.startsWith('/api/')) head.push('Cache-Control', 'no-store');
  for (const name of Object.keys(headers)) head.push(name, headers[name] as string);
  return head;
}

/** Sends what a handler replied. What the client still sends is then read on for a moment, and cut off if it does not end. */
export async function sendReply(incoming: Incoming, reply: AnyReply): Promise<Sent> {
  const head = headOf(incoming, reply.headers);
  const sent = await sendBody(incoming, reply, head);
  if (isBodyUnread(incoming)) await drainRefused(incoming.req, DRAIN);
  return sent;
}

async function sendBody(incoming: Incoming, reply: AnyReply, head: string[]): Promise<Sent> {
  const { req, res } = incoming;
  if (reply.bytes !== undefined) {
    head.push('Content-Type', reply.contentType ?? 'application/octet-stream');
    if (reply.bytes.sizeBytes !== undefined) head.push('Content-Length', String(reply.bytes.sizeBytes));
    try {
      res.writeHead(reply.status, head);
    } catch (error) {
      // a header that cannot be sent must not leave a file open
      await releaseBytes(reply.bytes);
      throw error;
    }
    return sendBytes(res, reply.bytes, { idleTimeoutMs: READER_IDLE_TIMEOUT_MS, headOnly: req.method === 'HEAD' });
  }
  if (res.destroyed) return 'gone';
  if (reply.body === undefined) {
    if (reply.status !== 204 && reply.status !== 304) head.push('Content-Length', '0');
    res.writeHead(reply.status, head).end();
    return 'sent';
  }
  head.push('Content-Type', reply.contentType ?? 'application/json');
  return sendText(incoming, reply.status, head, JSON.stringify(reply.body));
}

/** Text goes out as text: Node then writes it in one piece with the head, and without a copy of its own. */
async function sendText({ req, res }: Incoming, status: number, head: string[], text: string): Promise<Sent> {
  const sizeBytes = Buffer.byteLength(text);
  head.push('Content-Length', String(sizeBytes));
  const isHead = req.method === 'HEAD';
  res.writeHead(status, head);
  // behind answers that were not read yet this one is watched, too: a client that never reads is disconnected
  if (req.socket.writableLength > 0) {
    const body = Buffer.from(text);
    const bytes = { kind: 'memory', parts: [body], sizeBytes: body.length } as const;
    return sendBytes(res, bytes, { idleTimeoutMs: READER_IDLE_TIMEOUT_MS, headOnly: isHead });
  }
  // nothing but ASCII is the same bytes as Latin-1, which Node need not measure and encode
  if (!isHead) res.end(text, sizeBytes === text.length ? 'latin1' : 'utf8');
  else res.end();
  return 'sent';
}

/** Answers and, where the body is still coming, reads on for a while before closing: a reset would take the answer with it. */
export async function sendErrorAnswer(incoming: Incoming, answered: ErrorAnswer): Promise<Sent> {
  const { req, res } = incoming;
  const head = headOf(incoming, answered.headers);
  head.push('Content-Type', answered.contentType);
  if (!isBodyUnread(incoming)) return sendText(incoming, answered.status, head, answered.body);
  // a client that was not told to go on will not send its body
  if (awaitsContinue(req)) head.push('Connection', 'close');
  head.push('Content-Length', String(Buffer.byteLength(answered.body)));
  // whole and with its length, so that the client has it; ended only after the drain, because Node may cut the connection then
  res.writeHead(answered.status, head).write(answered.body);
  await drainRefused(req, DRAIN);
  res.end();
  return 'sent';
}
