/** `Expect: 100-continue` (RFC 9110 §10.1.1): the client waits to be told that its body is wanted. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const EXPECTATION = /(?:^|\W)100-continue(?:$|\W)/i;
const continued = new WeakSet<IncomingMessage>();

/** Whether the client still waits for `100 Continue`; HTTP/1.0 clients never do. */
export function awaitsContinue(req: IncomingMessage): boolean {
  return req.httpVersion === '1.1' && EXPECTATION.test(req.headers.expect ?? '') && !continued.has(req);
}

/**
 * Tells a waiting client to send its body; does nothing for others, nor a second time.
 *
 * Only for servers that listen to `checkContinue`: otherwise Node has sent it already.
 */
export function sendContinue(req: IncomingMessage, res: ServerResponse): void {
  if (!awaitsContinue(req)) return;
  continued.add(req);
  res.writeContinue();
}
