/** Lingering close: a client that is still sending must be able to read why it was refused (RFC 9112 §9.6). */
import type { IncomingMessage } from 'node:http';
import { awaitsContinue } from './expect-continue.ts';

/**
 * - `drained`: the body was read to its end; the connection may serve another request.
 * - `unsolicited`: the client waits for `100 Continue` and has sent nothing; the connection must close with the answer.
 * - `gone`: the client closed the connection.
 * - `cut`: a cap was reached and the connection was destroyed.
 */
export type DrainOutcome = 'drained' | 'unsolicited' | 'gone' | 'cut';

/**
 * Reads and discards what is left of a refused body.
 *
 * Closing a socket while bytes are unread resets the connection, and the reset may overtake the answer. So the answer is written
 * first, whole and with its length, then this is awaited, and only then may the connection close: `res.write`, drain, `res.end` where
 * the answer says `Connection: close`, because Node closes such a connection as soon as the answer has ended. Leaves no listener, timer or socket
 * behind that it made or cut. Never rejects.
 *
 * @param caps how many bytes, and how long in total, the client's sending is put up with.
 */
export async function drainRefused(
  req: IncomingMessage,
  caps: { readonly bytesMax: number; readonly timeoutMs: number },
): Promise<DrainOutcome> {
  if (req.readableEnded) return 'drained';
  if (req.destroyed || req.socket.destroyed) return 'gone';
  if (awaitsContinue(req)) return 'unsolicited';
  const { promise, resolve } = Promise.withResolvers<DrainOutcome>();
  let bytesLeft = caps.bytesMax;
  const onBytes = (piece: Buffer): void => {
    bytesLeft -= piece.length;
    if (bytesLeft < 0) resolve('cut');
  };
  const onEnd = (): void => resolve('drained');
  const onGone = (): void => resolve('gone');
  const timer = setTimeout(() => resolve('cut'), caps.timeoutMs);
  // once its answer has ended, a request is no longer told that its connection closed
  req.socket.on('close', onGone);
  req.on('data', onBytes).on('end', onEnd).on('error', onGone).resume();
  const outcome = await promise;
  clearTimeout(timer);
  if (outcome === 'cut') req.destroy();
  req.socket.off('close', onGone);
  req.off('data', onBytes).off('end', onEnd).off('error', onGone);
  return outcome;
}
