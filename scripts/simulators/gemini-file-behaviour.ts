/** At which request about a file something happens. `delete`: best effort of the client, which never hears of it. */
export type FileStep = 'start' | 'upload' | 'state' | 'delete';

/** What becomes of a file that is uploaded; chosen when its upload starts. Plain data, as all behaviours. */
export type GeminiFileBehaviour = {
  /** From the end of the upload to the beginning of its answer. */
  readonly delayMs?: number;
} & (
  | { readonly kind: 'file_active' }
  /** `PROCESSING` until its state was asked for this often; default: once. */
  | { readonly kind: 'file_processing'; readonly asks?: number }
  /** `PROCESSING` for ever. */
  | { readonly kind: 'file_stuck' }
  /** `FAILED` once its state was asked for this often; default: never, so at once. */
  | { readonly kind: 'file_failed'; readonly asks?: number; readonly code?: number; readonly message?: string }
  /** `ACTIVE`, and gone when it is used. */
  | { readonly kind: 'file_expired' }
  /** `ACTIVE`, and not yet usable when it is used. */
  | { readonly kind: 'file_early' }
  /** The service gives it a name of its own, whatever it was asked for. */
  | { readonly kind: 'file_renamed' }
  /** The start of the upload names another URL, or, without one, none. */
  | { readonly kind: 'file_elsewhere'; readonly url?: string }
  /** The upload is answered as if more were to come. */
  | { readonly kind: 'file_incomplete' }
  /** The upload is answered with something that is no file. */
  | { readonly kind: 'file_garbage'; readonly text?: string }
  /** Answered with a status; default: every time. */
  | {
      readonly kind: 'file_status';
      readonly step: FileStep;
      readonly status: number;
      readonly message?: string;
      readonly times?: number;
    }
  /** Reads the request and never answers, or closes the connection instead of answering. */
  | { readonly kind: 'file_hang' | 'file_cut'; readonly step: FileStep }
);

/** Every kind of behaviour. */
export const GEMINI_FILE_KINDS: ReadonlySet<string> = new Set([
  ...['file_active', 'file_processing', 'file_stuck', 'file_failed', 'file_expired', 'file_early', 'file_renamed'],
  ...['file_elsewhere', 'file_incomplete', 'file_garbage', 'file_status', 'file_hang', 'file_cut'],
]);
