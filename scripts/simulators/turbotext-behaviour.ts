import type { Mood } from './random-behaviour.ts';

/** What becomes of one submitted job. Plain data: a script is JSON, from a test, a command line or a header. */
export type TurbotextBehaviour = { readonly delayMs?: number } & (
  | TurbotextSuccess
  /** The job ends with `success: false`. */
  | { readonly kind: 'failed'; readonly message?: string; readonly polls?: number }
  | { readonly kind: 'forbidden_content'; readonly polls?: number }
  /** `success: true` without any picture. */
  | { readonly kind: 'no_picture' }
  /** The job never ends, or the service forgot it. */
  | { readonly kind: 'never' | 'lost' }
  /** The job is refused when it is submitted: 200 and `success: false`, or a status. */
  | { readonly kind: 'no_credits' | 'bad_key' | 'bad_request' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'throttled'; readonly retryAfter?: string }
  | { readonly kind: 'status'; readonly status: number; readonly message?: string }
  /** The answer to the submitted job: none, a cut connection, or 200 with something useless. */
  | { readonly kind: 'hang' | 'cut' | 'html' | 'truncated_json' | 'empty_body' | 'no_id' }
  /** The first `times` questions (default: one) are answered like that, then all goes well. */
  | { readonly kind: 'poll_fault'; readonly fault: PollFault; readonly times?: number }
  | PictureFault
);

/** A status, or what else may stand in the place of an answer. */
export type PollFault = number | 'hang' | 'cut' | 'html' | 'truncated_json' | 'nonsense';

export interface TurbotextSuccess {
  readonly kind: 'success';
  /** How often the job is said to be under way before it is done. Default 0. */
  readonly polls?: number;
  /** Where the picture is named. Default: `top`. */
  readonly shape?: 'top' | 'data' | 'list';
  /** Whether flags and numbers are written as texts. */
  readonly asTexts?: boolean;
  readonly format?: 'jpeg' | 'png' | 'webp';
}

/** The job ends well; its picture cannot be had, the first `times` times (default: always). */
export interface PictureFault {
  readonly kind: 'picture_fault';
  readonly fault: 'missing' | 'unavailable' | 'html' | 'truncated' | 'wrong_host' | 'private_redirect';
  readonly times?: number;
}

/** Every kind of behaviour. */
export const TURBOTEXT_KINDS: ReadonlySet<string> = new Set([
  ...['success', 'failed', 'forbidden_content', 'no_picture', 'never', 'lost', 'no_credits', 'bad_key', 'bad_request'],
  ...['refused', 'throttled', 'status', 'hang', 'cut', 'html', 'truncated_json', 'empty_body', 'no_id'],
  ...['poll_fault', 'picture_fault'],
]);

/** An evening of the service, asked every 2.5 s: mostly pictures, in all shapes, and now and then something else. */
export const TURBOTEXT_MOODS: readonly Mood<TurbotextBehaviour>[] = [
  {
    weight: 85,
    make: (random) => ({
      kind: 'success',
      polls: Math.round(random.between(4, 14)),
      shape: random.pick(['top', 'data', 'list'] as const),
      asTexts: random.pick([true, false]),
    }),
  },
  { weight: 4, make: () => ({ kind: 'poll_fault', fault: 502, times: 2 }) },
  { weight: 3, make: (random) => ({ kind: 'status', status: random.pick([500, 502, 503]), delayMs: 1_000 }) },
  { weight: 2, make: () => ({ kind: 'throttled', retryAfter: '2' }) },
  { weight: 2, make: () => ({ kind: 'forbidden_content', polls: 4 }) },
  { weight: 2, make: () => ({ kind: 'failed', polls: 6 }) },
  { weight: 1, make: () => ({ kind: 'picture_fault', fault: 'unavailable', times: 1 }) },
  { weight: 1, make: () => ({ kind: 'never' }) },
];
