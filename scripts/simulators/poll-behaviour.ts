import type { Mood } from './random-behaviour.ts';

/** What becomes of one submitted job. Plain data: a script is JSON, from a test, a command line or a header. */
export type PollBehaviour = { readonly delayMs?: number } & (
  | PollSuccess
  /** The job ends with an error of the model's. */
  | { readonly kind: 'failed'; readonly message?: string; readonly polls?: number }
  /** The content is refused: of the prompt and the photo, or of the picture that was made. */
  | { readonly kind: 'moderated'; readonly stage?: 'input' | 'output'; readonly polls?: number }
  /** The job ends well, without a picture. */
  | { readonly kind: 'no_picture' }
  /** Somebody at the service ended the job; `aborted` before it began. */
  | { readonly kind: 'canceled' | 'aborted' }
  /** The job never ends. */
  | { readonly kind: 'never' }
  /** The service forgot the job: every poll says so. */
  | { readonly kind: 'lost' }
  /** The URLs to poll at name this host instead. */
  | { readonly kind: 'wrong_host'; readonly host?: string }
  /** The first `times` polls fail, then all goes well. `status` 0 cuts the connection. */
  | { readonly kind: 'poll_fault'; readonly status: number; readonly times?: number; readonly retryAfter?: string }
  /** The job is refused when it is submitted. */
  | { readonly kind: 'no_credits' | 'bad_key' | 'bad_request' }
  | { readonly kind: 'throttled'; readonly retryAfter?: string }
  | { readonly kind: 'status'; readonly status: number; readonly message?: string }
  /** The answer to the submitted job: none, a cut connection, a web page, or one without an id. */
  | { readonly kind: 'hang' | 'cut' | 'html' | 'no_id' }
  | PictureFault
);

export interface PollSuccess {
  readonly kind: 'success';
  /** How often the job is said to be under way before it is done. Default 1; 0: done at once, if the service waits for jobs. */
  readonly polls?: number;
  readonly format?: 'jpeg' | 'png' | 'webp';
}

/** The job ends well; its picture cannot be had, the first `times` times (default: always). */
export interface PictureFault {
  readonly kind: 'picture_fault';
  readonly fault:
    | 'missing'
    | 'expired'
    | 'unavailable'
    | 'html'
    | 'endless'
    | 'cut'
    | 'private_redirect'
    | 'wrong_host'
    | 'plain_http'
    | 'own_content';
  readonly times?: number;
  readonly polls?: number;
}

/** Every kind of behaviour. */
export const POLL_KINDS: ReadonlySet<string> = new Set([
  ...[
    'success',
    'failed',
    'moderated',
    'no_picture',
    'canceled',
    'aborted',
    'never',
    'lost',
    'wrong_host',
    'poll_fault',
  ],
  ...['no_credits', 'bad_key', 'bad_request', 'throttled', 'status', 'hang', 'cut', 'html', 'no_id', 'picture_fault'],
]);

/** An evening of such a service: mostly pictures, which take some polls, and now and then something else. */
export const POLL_MOODS: readonly Mood<PollBehaviour>[] = [
  { weight: 80, make: (random) => ({ kind: 'success', polls: Math.round(random.between(6, 24)) }) },
  { weight: 7, make: (random) => ({ kind: 'success', polls: Math.round(random.between(24, 80)) }) },
  { weight: 3, make: () => ({ kind: 'throttled', retryAfter: '2' }) },
  { weight: 3, make: (random) => ({ kind: 'status', status: random.pick([500, 502, 503]), delayMs: 1_000 }) },
  { weight: 2, make: () => ({ kind: 'poll_fault', status: 502, times: 2 }) },
  { weight: 2, make: () => ({ kind: 'moderated', stage: 'output', polls: 10 }) },
  { weight: 1, make: () => ({ kind: 'failed', polls: 8 }) },
  { weight: 1, make: () => ({ kind: 'picture_fault', fault: 'unavailable', times: 1 }) },
  { weight: 1, make: () => ({ kind: 'never' }) },
];
