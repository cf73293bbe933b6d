import type { Mood } from './random-behaviour.ts';

/** What the simulator does with a valid request. Plain data: a script is JSON, from a test, a command line or a header. */
export type OpenAiBehaviour = { readonly delayMs?: number } & (
  | OpenAiSuccess
  /** 200 with an empty list, or with an address where the picture should be. */
  | { readonly kind: 'no_image' | 'picture_address' }
  /** 200 with half a picture, half a document, or what is no document. */
  | { readonly kind: 'truncated_image' | 'truncated_json' | 'html' | 'garbage_json' | 'empty_body' | 'endless' }
  | {
      readonly kind: 'moderation_blocked';
      /** What was judged: the request, or the picture that was made. Default: the request. */
      readonly stage?: 'input' | 'output';
      readonly categories?: readonly string[];
      /** The code of older models is `content_policy_violation`. */
      readonly code?: string;
    }
  | ThrottledBehaviour
  /** Nothing is served until somebody pays. Default: 429 `insufficient_quota`. */
  | { readonly kind: 'insufficient_quota'; readonly code?: string; readonly status?: number }
  /** `early`: answered without reading the request's body. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
      readonly early?: boolean;
    }
  | { readonly kind: 'bad_key' | 'bad_request' | 'unknown_model' }
  /** Reads everything and never answers. */
  | { readonly kind: 'hang' }
  /** Stops reading after the head of the request. */
  | { readonly kind: 'stall' }
  /** A success at this pace. */
  | { readonly kind: 'drip'; readonly bytesPerSecond: number }
  /** Closes the connection after this many bytes of a success's body; 0: before the answer's head. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
);

export interface OpenAiSuccess {
  readonly kind: 'success';
  /** Instead of what the request asks for. */
  readonly format?: 'jpeg' | 'png' | 'webp';
  /** EXIF orientation written into the picture, 1–8. */
  readonly orientation?: number;
  /** The body is written in pieces of this many bytes. */
  readonly split?: number;
}

export interface ThrottledBehaviour {
  readonly kind: 'throttled';
  /** The limit that is used up. Default: `requests`. */
  readonly limit?: 'requests' | 'tokens' | 'images' | 'input-images';
  /** Sent as the header `Retry-After`, seconds or a date. */
  readonly retryAfter?: string;
  readonly retryAfterMs?: string;
  /** Sent as the limit's `x-ratelimit-reset-…`, such as `6m0s`. */
  readonly reset?: string;
}

/** Every kind of behaviour. */
export const OPENAI_KINDS: ReadonlySet<string> = new Set([
  ...['success', 'no_image', 'picture_address', 'truncated_image', 'truncated_json', 'html', 'garbage_json'],
  ...['empty_body', 'endless', 'moderation_blocked', 'throttled', 'insufficient_quota', 'status', 'bad_key'],
  ...['bad_request', 'unknown_model', 'hang', 'stall', 'drip', 'cut'],
]);

/** An evening of the real service: mostly pictures, which take their time, and now and then something else. */
export const OPENAI_MOODS: readonly Mood<OpenAiBehaviour>[] = [
  { weight: 80, make: (random) => ({ kind: 'success', delayMs: Math.round(random.between(15_000, 40_000)) }) },
  { weight: 7, make: (random) => ({ kind: 'success', delayMs: Math.round(random.between(40_000, 60_000)) }) },
  { weight: 4, make: () => ({ kind: 'throttled', retryAfter: '3' }) },
  { weight: 3, make: (random) => ({ kind: 'status', status: random.pick([500, 502, 503]), delayMs: 2_000 }) },
  { weight: 3, make: () => ({ kind: 'moderation_blocked', stage: 'output', delayMs: 20_000 }) },
  { weight: 1, make: () => ({ kind: 'cut', afterBytes: 0, delayMs: 10_000 }) },
  { weight: 1, make: () => ({ kind: 'no_image', delayMs: 10_000 }) },
  { weight: 1, make: () => ({ kind: 'hang' }) },
];
