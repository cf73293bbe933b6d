import type { AnswerHeaders, AnswerSink } from './exchange.ts';

/** The beginning of a body that is kept; errors and small documents fit. */
const TEXT_BYTES_MAX = 64 * 1024;

/** An answer that is short, or of which only the beginning matters. */
export interface ShortAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** The beginning of the body, whatever it is. */
  readonly text: string;
}

/** Keeps the beginning of an answer while it arrives; of a longer one the rest is not read. Until a head came its status is 0. */
export function collectShortAnswer(textBytesMax = TEXT_BYTES_MAX): AnswerSink & { finish(): ShortAnswer } {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let head: Omit<ShortAnswer, 'text'> = { status: 0, headers: {} };
  return {
    head(status, headers) {
      head = { status, headers };
      return 'more';
    },
    push(chunk) {
      chunks.push(Buffer.from(chunk));
      bytes += chunk.length;
      return bytes < textBytesMax ? 'more' : 'enough';
    },
    finish: () => ({ ...head, text: Buffer.concat(chunks).toString('utf8', 0, textBytesMax) }),
  };
}
