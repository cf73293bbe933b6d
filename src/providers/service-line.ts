import type { Pool } from 'undici';
import type { TakeSlab } from './base64-decoder.ts';
import { exchange } from './exchange.ts';
import { createRequestBody, type RequestContent } from './request-body.ts';
import { collectShortAnswer, type ShortAnswer } from './short-answer.ts';

/** Asks a service what belongs to a call and is not the call itself, over the same connections. */
export interface ServiceLine {
  /** Where the service is. */
  readonly base: URL;
  /**
   * One request and its short answer, whatever its status. There is no time limit but the signal's.
   *
   * @throws the signal's reason at once when it is aborted, `SourceFault` for an image that cannot be read, or the connection's
   * error. Nothing is open afterwards.
   */
  ask(question: LineQuestion, signal: AbortSignal): Promise<ShortAnswer>;
}

/** One request besides the call. */
export interface LineQuestion {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** A path below the base address, asked for with the key; or a URL of the same origin that the service named, asked for without. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: RequestContent;
}

/** What a line needs. */
export interface LineParts {
  readonly pool: Pool;
  readonly base: URL;
  readonly takeSlab: TakeSlab;
  /** The header that carries the key. */
  readonly keyHeader: Readonly<Record<string, string>>;
}

/** A line over the connections of `pool`, which lead to the origin of `base` and nowhere else. */
export function createServiceLine({ pool, base, takeSlab, keyHeader }: LineParts): ServiceLine {
  const prefix = base.pathname.replace(/\/+$/, '');
  return {
    base,
    async ask({ method, target, headers, content }, signal) {
      const body = content && createRequestBody(content, takeSlab);
      const answer = collectShortAnswer();
      const isOurs = typeof target === 'string';
      const path = isOurs ? prefix + target : target.pathname + target.search;
      try {
        await exchange(pool, { method, path, headers: { ...headers, ...(isOurs && keyHeader) }, body }, answer, signal);
        signal.throwIfAborted();
        return answer.finish();
      } finally {
        await body?.close();
      }
    },
  };
}
