/** Fetches a finished picture from a URL that a service named: the one way of this server to a host it did not choose. */
import { contentKind, KIND_BYTES, KIND_WORDS } from '../media/formats/content-kind.ts';
import type { TakeSlab } from './base64-decoder.ts';
import type { AnswerSink } from './exchange.ts';
import { createGrowingSlab, type GrowingSlab } from './growing-slab.ts';
import type { GuardedClient } from './guarded-client.ts';
import { AddressFault } from './guarded-connect.ts';
import type { Charged, FailureKind, ProviderFailure, ProviderImage } from './provider.ts';
import { reasonText } from './reason.ts';
import { headerText } from './retry-after.ts';

/** What bounds one download, redirects included. */
export interface DownloadLimits {
  readonly sizeBytesMax: number;
  /** From the first request to the last byte. */
  readonly timeoutMs: number;
  /** In every such period at least {@link DownloadLimits.progressBytesMin} must arrive. */
  readonly stallMs: number;
  readonly progressBytesMin: number;
}

/** Pictures of today's models have 1–40 MB; a link slower than 2 kB/s would not bring one within any window. */
export const DOWNLOAD_LIMITS: DownloadLimits = {
  sizeBytesMax: 64 * 2 ** 20,
  timeoutMs: 30_000,
  stallMs: 5_000,
  progressBytesMin: 10_000,
};

/** A download that is wanted. */
export interface DownloadWish {
  readonly url: string;
  /** Hosts that may serve it, redirects included; see `judgeUrl`. */
  readonly hosts: readonly string[];
  /** What is known of the bill of the call that made the picture. */
  readonly charged: Charged;
  readonly signal: AbortSignal;
  readonly limits?: DownloadLimits;
}

/** What came of it. The failure's kind is `unavailable` or `throttled` where the same URL may answer better a little later. */
export type DownloadOutcome =
  | { readonly outcome: 'done'; readonly image: ProviderImage }
  | { readonly outcome: 'failed'; readonly failure: ProviderFailure };

const REDIRECTS_MAX = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const SLAB_BYTES_FIRST = 2 * 2 ** 20;
/** Types a result may have; the content decides, never the header. */
const PICTURE_KINDS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp']);

/** An answer that is not the picture. */
class DownloadFault extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.name = 'DownloadFault';
    this.kind = kind;
  }
}

/**
 * Fetches a picture. The bytes begin like a JPEG, PNG or WebP; whether they are an acceptable picture is judged by the caller. No
 * key and no cookie is sent. On a failure, and when it rejects, no memory and no connection is kept.
 *
 * @throws the signal's reason, at once, when it is aborted.
 */
export async function downloadImage(
  client: GuardedClient,
  takeSlab: TakeSlab,
  wish: DownloadWish,
): Promise<DownloadOutcome> {
  wish.signal.throwIfAborted();
  const limits = wish.limits ?? DOWNLOAD_LIMITS;
  const picture = createGrowingSlab(takeSlab, SLAB_BYTES_FIRST);
  const watch = watchProgress(limits, () => picture.bytes.length);
  try {
    await follow(client, picture, limits, wish, AbortSignal.any([wish.signal, watch.signal]));
    return { outcome: 'done', image: { bytes: picture.bytes, release: () => picture.release() } };
  } catch (error) {
    picture.release();
    wish.signal.throwIfAborted();
    return { outcome: 'failed', failure: failureOf(error, wish.charged) };
  } finally {
    watch.end();
  }
}

/** Walks from redirect to redirect, each judged like the first URL. */
async function follow(
  client: GuardedClient,
  picture: GrowingSlab,
  limits: DownloadLimits,
  { url: text, hosts }: DownloadWish,
  signal: AbortSignal,
): Promise<void> {
  let target: { readonly text: string; readonly base: URL | undefined } = { text, base: undefined };
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const judged = client.judge(target.text, hosts, target.base);
    if ('fault' in judged) throw new DownloadFault('bad_answer', judged.fault);
    const reader = createReader(picture, limits.sizeBytesMax);
    const headers = { accept: 'image/jpeg, image/png, image/webp', 'accept-encoding': 'identity' };
    await client.exchange({ method: 'GET', url: judged.url, headers }, reader, signal);
    if (reader.location === undefined) return reader.finish();
    target = { text: reader.location, base: judged.url };
  }
  throw new DownloadFault('bad_answer', `the link was redirected more than ${REDIRECTS_MAX} times`);
}

interface PictureReader extends AnswerSink {
  /** Where a redirect leads. */
  readonly location: string | undefined;
  /** Judges what no chunk could: an end that came too soon. */
  finish(): void;
}

function createReader(picture: GrowingSlab, sizeBytesMax: number): PictureReader {
  let location: string | undefined;
  let isPicture = false;

  function checkSize(sizeBytes: number): void {
    if (sizeBytes > sizeBytesMax)
      throw new DownloadFault('bad_answer', `the picture is larger than ${sizeBytesMax} bytes`);
  }
  function checkKind(): void {
    const kind = contentKind(picture.bytes.subarray(0, KIND_BYTES));
    if (!PICTURE_KINDS.has(kind))
      throw new DownloadFault('bad_answer', `the link leads to ${KIND_WORDS[kind]}, not to a picture`);
    isPicture = true;
  }
  return {
    get location() {
      return location;
    },
    head(status, headers) {
      if (REDIRECTS.has(status)) {
        location = headerText(headers, 'location');
        if (location === undefined) throw new DownloadFault('bad_answer', `HTTP ${status} that names no target`);
        return 'enough';
      }
      if (status !== 200)
        throw new DownloadFault(kindOfStatus(status), `the link to the picture answered HTTP ${status}`);
      const encoding = headerText(headers, 'content-encoding') ?? 'identity';
      if (encoding.toLowerCase() !== 'identity')
        throw new DownloadFault('bad_answer', `the picture came compressed (${encoding.slice(0, 40)})`);
      checkSize(Number(headerText(headers, 'content-length') ?? 0));
      return 'more';
    },
    push(chunk) {
      checkSize(picture.bytes.length + chunk.length);
      picture.push(chunk);
      if (!isPicture && picture.bytes.length >= KIND_BYTES) checkKind();
      return 'more';
    },
    finish() {
      if (picture.bytes.length === 0) throw new DownloadFault('bad_answer', 'the link to the picture leads to nothing');
      if (!isPicture) checkKind();
    },
  };
}

/** Not there yet, or the storage is ill: a little later may be better. Any other status stays what it is. */
function kindOfStatus(status: number): FailureKind {
  if (status === 429) return 'throttled';
  return status === 404 || status === 408 || status >= 500 ? 'unavailable' : 'bad_answer';
}

/** Aborts when the time is over, or too little arrives: an idle limit alone would let one byte a second pass. */
function watchProgress({ timeoutMs, stallMs, progressBytesMin }: DownloadLimits, arrived: () => number) {
  const control = new AbortController();
  const giveUp = (words: string): void => control.abort(new DownloadFault('unavailable', words));
  const timeout = setTimeout(giveUp, timeoutMs, `the picture did not arrive within ${timeoutMs / 1000} s`);
  let before = 0;
  const ticks = setInterval(() => {
    const now = arrived();
    if (now - before < progressBytesMin)
      giveUp(`only ${now - before} bytes of the picture arrived in ${stallMs / 1000} s`);
    before = now;
  }, stallMs);
  return {
    signal: control.signal,
    end(): void {
      clearTimeout(timeout);
      clearInterval(ticks);
    },
  };
}

function failureOf(error: unknown, charged: Charged): ProviderFailure {
  if (error instanceof DownloadFault)
    return { kind: error.kind, retryable: true, charged, reason: reasonText([error.message], undefined) };
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof AddressFault)
    return {
      kind: 'bad_answer',
      retryable: false,
      charged,
      reason: reasonText(['the link was refused', message], undefined),
    };
  const reason = reasonText(['the connection to the picture failed', code, message], undefined);
  return { kind: 'unavailable', retryable: true, charged, reason };
}
