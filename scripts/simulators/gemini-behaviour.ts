import { GEMINI_FILE_KINDS, type GeminiFileBehaviour } from './gemini-file-behaviour.ts';

/** What the simulator does: with a valid call, or with a file that is uploaded for one. */
export type GeminiBehaviour = GeminiCallBehaviour | GeminiFileBehaviour;

/** What the simulator does with a valid call. Plain data: a script is JSON, from a test, a command line or a header. */
export type GeminiCallBehaviour = Timing &
  (
    | SuccessBehaviour
    | { readonly kind: 'no_image' | 'truncated_image' | 'html' | 'garbage_json' | 'empty_body' | 'endless' }
    | { readonly kind: 'safety_block'; readonly reason?: string }
    | { readonly kind: 'finish'; readonly reason: string; readonly message?: string }
    | { readonly kind: 'text_only'; readonly text?: string }
    | {
        readonly kind: 'throttled';
        readonly retryDelaySeconds?: number;
        readonly perDay?: boolean;
        /** Sent as the header `Retry-After`, seconds or a date. */
        readonly retryAfter?: string;
      }
    /** `early`: answered without reading the request's body. */
    | {
        readonly kind: 'status';
        readonly status: number;
        readonly message?: string;
        /** Google's name of the status, where it is not the usual one: 400 is `FAILED_PRECONDITION` too. */
        readonly name?: string;
        readonly early?: boolean;
      }
    | { readonly kind: 'bad_key' | 'bad_request' }
    /** Reads everything and never answers. */
    | { readonly kind: 'hang' }
    /** Stops reading after the head of the request. */
    | { readonly kind: 'stall' }
    /** A success at this pace. */
    | { readonly kind: 'drip'; readonly bytesPerSecond: number }
    /** Closes the connection after this many bytes of a success's body; 0: before the answer's head. */
    | { readonly kind: 'cut'; readonly afterBytes: number }
  );

export interface Timing {
  /** From the end of the request to the beginning of the answer. */
  readonly delayMs?: number;
}

export interface SuccessBehaviour {
  readonly kind: 'success';
  readonly format?: 'jpeg' | 'png' | 'webp';
  /** EXIF orientation written into the picture, 1–8. */
  readonly orientation?: number;
  /** `inline_data` and `mime_type`, as some versions of the service write them. */
  readonly snakeCase?: boolean;
  /** A draft marked `thought` comes before the picture. */
  readonly thoughtFirst?: boolean;
  /** The body is written in pieces of this many bytes. */
  readonly split?: number;
}

/** Every kind of a call's behaviour. */
export const GEMINI_CALL_KINDS: ReadonlySet<string> = new Set([
  ...[
    'success',
    'no_image',
    'truncated_image',
    'html',
    'garbage_json',
    'empty_body',
    'endless',
    'safety_block',
    'finish',
  ],
  ...['text_only', 'throttled', 'status', 'bad_key', 'bad_request', 'hang', 'stall', 'drip', 'cut'],
]);

/** Every kind of behaviour. */
export const GEMINI_KINDS: ReadonlySet<string> = new Set([...GEMINI_CALL_KINDS, ...GEMINI_FILE_KINDS]);
