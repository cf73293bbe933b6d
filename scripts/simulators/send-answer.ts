import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Behaviour } from './behaviour-script.ts';
import type { EndlessAnswer, PreparedAnswer } from './prepared-answer.ts';

/** Pieces a second of a dripping answer. */
const DRIPS_PER_SECOND = 20;

/**
 * Sends an answer at the pace and to the end its behaviour asks for. Rejects when `gone` is aborted, which also ends every wait.
 *
 * @returns whether the connection was cut on purpose.
 */
export async function sendAnswer(
  response: ServerResponse,
  behaviour: Behaviour,
  answer: PreparedAnswer,
  gone: AbortSignal,
): Promise<boolean> {
  if (behaviour.kind === 'cut') return await sendCut(response, answer, behaviour.afterBytes ?? 0, gone);
  response.writeHead(answer.status, answer.headers);
  if (behaviour.kind === 'drip') {
    const piece = Math.max(1, Math.round((behaviour.bytesPerSecond ?? 0) / DRIPS_PER_SECOND));
    for (let at = 0; at < answer.body.length; at += piece) {
      await write(response, answer.body.subarray(at, at + piece), gone);
      await delay(1000 / DRIPS_PER_SECOND, undefined, { signal: gone });
    }
  } else if (behaviour.kind === 'success' && behaviour.split !== undefined) {
    for (let at = 0; at < answer.body.length; at += behaviour.split) {
      await write(response, answer.body.subarray(at, at + behaviour.split), gone);
    }
  } else {
    response.end(answer.body);
    return false;
  }
  response.end();
  return false;
}

/** Sends the beginning of a picture and then more of it for as long as the client listens. Rejects when `gone` is aborted. */
export async function sendEndlessly(
  response: ServerResponse,
  { head, piece }: EndlessAnswer,
  gone: AbortSignal,
): Promise<never> {
  response.writeHead(head.status, head.headers);
  await write(response, head.body, gone);
  for (;;) await write(response, piece, gone);
}

async function sendCut(
  response: ServerResponse,
  answer: PreparedAnswer,
  afterBytes: number,
  gone: AbortSignal,
): Promise<boolean> {
  if (afterBytes > 0) {
    response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
    await new Promise<void>((resolve, reject) => {
      gone.addEventListener('abort', () => reject(gone.reason), { once: true });
      response.write(answer.body.subarray(0, afterBytes), () => resolve());
    });
  }
  // A FIN after what was written, so that all of it arrives: a reset could overtake it.
  response.socket?.destroySoon();
  return true;
}

async function write(response: ServerResponse, bytes: Buffer, gone: AbortSignal): Promise<void> {
  gone.throwIfAborted();
  if (!response.write(bytes)) await once(response, 'drain', { signal: gone });
}
