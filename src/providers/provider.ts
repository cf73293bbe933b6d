/**
 * The one interface over every AI service and the built-in studio. The worker knows nothing else of a provider.
 *
 * An adapter never retries, never waits between attempts and never decides about time: it makes one call, says what came of
 * it, and stops at once when its signal is aborted. Retries, budgets, limits and fallbacks belong to the worker.
 */
import type { ImageMimeType } from '../domain/images.ts';

/** Why a call brought no image. `empty`: an answer without a picture; `bad_answer`: bytes that are not an acceptable picture. */
export type FailureKind =
  | 'refused'
  | 'throttled'
  | 'unavailable'
  | 'empty'
  | 'invalid_key'
  | 'bad_request'
  | 'bad_answer';

/** Whether the service billed the call, as far as can be known. */
export type Charged = 'no' | 'maybe' | 'yes';

/** A call that brought no image, and what can be known of it. */
export interface ProviderFailure {
  readonly kind: FailureKind;
  /** Whether the same call may succeed when it is made again. */
  readonly retryable: boolean;
  readonly charged: Charged;
  /** The service's own hint how long to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The quota is used up until the service's reset (per-day quotas): no retry on this provider helps now. */
  readonly exhausted?: boolean;
  /** The service's own words, capped at {@link REASON_LENGTH_MAX} characters; never contains keys or image bytes. */
  readonly reason: string;
}

/** The longest reason that is kept. */
export const REASON_LENGTH_MAX = 500;

/** A picture as it came from a provider. The bytes may live in a reused buffer: call `release` once they are no longer read. */
export interface ProviderImage {
  readonly bytes: Buffer;
  release(): void;
}

/** A queued call at the provider; stored before the first poll so that another process can resume it. */
export interface ProviderTicket {
  readonly id: string;
  readonly pollUrl?: string;
  readonly resultUrl?: string;
  readonly cancelUrl?: string;
  /** What is known of the bill once there is a ticket. Default: `maybe`. */
  readonly charged?: Charged;
}

/** What one call came to. */
export type CallOutcome =
  | { readonly outcome: 'done'; readonly image: ProviderImage }
  | { readonly outcome: 'ticket'; readonly ticket: ProviderTicket }
  | { readonly outcome: 'failed'; readonly failure: ProviderFailure };

/** What one poll of a ticket came to. */
export type PollOutcome =
  | {
      readonly outcome: 'pending';
      readonly retryAfterMs: number;
      readonly position?: number;
      readonly progress?: number;
    }
  | Exclude<CallOutcome, { outcome: 'ticket' }>;

/** An image on disk that goes into a call. It was checked by its header; it was not decoded. */
export interface SourceImage {
  /** Absolute path. */
  readonly path: string;
  readonly mimeType: ImageMimeType;
  readonly sizeBytes: number;
}

/** What a call works on. */
export interface ProviderInput {
  readonly operationId: string;
  /** Valid against the operation's settings schema. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The photo that was just received. */
  readonly photo: SourceImage;
  /** Template images by the setting key that names them: one, or several where the key takes a list, in its order. */
  readonly references: ReadonlyMap<string, readonly SourceImage[]>;
}

/** What bounds a call. */
export interface CallContext {
  /** Aborted when the attempt's time is over, the job is final or the lease is lost. The adapter rejects with its `reason`. */
  readonly signal: AbortSignal;
  /** When the attempt's time is over, on the process's monotonic clock (`performance.now()`), in milliseconds. */
  readonly deadlineAt: number;
  /** Told when a stage of the call is over, for the log: the request is sent, the answer begins. */
  readonly mark?: ((stage: CallStage) => void) | undefined;
  /**
   * Puts an image under a public link of this server, without its metadata; the link ends with the job. Always there for providers
   * whose `inputTravel` is `public_url`. The same image may be published again. Rejects when the job is over.
   */
  readonly publish?: ((image: SourceImage) => Promise<PublishOutcome>) | undefined;
}

/** Where a service can fetch an image from (an absolute URL), or why it cannot. */
export type PublishOutcome =
  | { readonly outcome: 'published'; readonly url: string }
  | { readonly outcome: 'failed'; readonly failure: ProviderFailure };

/** The moments of a call that an adapter over HTTP can tell apart. */
export type CallStage = 'request_sent' | 'answer_began';

/** One thing a provider can be asked to do. */
export interface OperationDescription {
  readonly id: string;
  readonly name: string;
  /** What the operation needs besides the photo: `prompt`, or keys of template images. */
  readonly needs: readonly string[];
  /** The settings' JSON Schema: `providers/<provider>/<operation>.json` below the schema folder. */
  readonly schemaRef: string;
  /** The model that is asked where the setting `model` is left out; absent where there are no models to choose from. */
  readonly modelDefault?: string;
}

/** Capabilities are data: what the worker and the contract may rely on without knowing the adapter. */
export interface ProviderDescription {
  readonly id: string;
  readonly name: string;
  /** Whether it works only with an API key, which settings or the environment give. */
  readonly needsKey: boolean;
  /** How an input image travels to the service. */
  readonly inputTravel: 'inline' | 'upload' | 'public_url';
  readonly mimeTypes: readonly ImageMimeType[];
  readonly inputBytesMax: number;
  readonly referencesMax: number;
  /** Calls at once over all processes, and calls a minute (null: unlimited). Initial values of the provider's lane. */
  readonly runningMax: number;
  readonly callsPerMinute: number | null;
  /** Calls a day, where the service limits them. Initial value of the provider's lane. */
  readonly callsPerDay?: number;
  /** Whose midnight ends the service's day, as an IANA time zone. Default: UTC. */
  readonly quotaZone?: string;
  /** How long a slow but healthy call takes, in milliseconds; the retry budget is planned with it. */
  readonly slowCallMs: number;
  /** Whether the adapter itself makes the `output` (format, quality, size) of the settings; else every answer is finished by the worker. */
  readonly appliesOutput: boolean;
  readonly operations: readonly OperationDescription[];
}

/** An adapter. `submit` and `poll` reject only when `signal` is aborted (with its reason); every other fault is a `failed` outcome. */
export interface Provider {
  readonly description: ProviderDescription;
  /** Whether what it needs (a key) is there now; may change at run time. */
  isConfigured(): boolean;
  submit(input: ProviderInput, context: CallContext): Promise<CallOutcome>;
  poll?(ticket: ProviderTicket, context: CallContext): Promise<PollOutcome>;
  /** Tells the service that nobody wants the picture any more. Bounded in time; rejects when that could not be told. */
  cancel?(ticket: ProviderTicket): Promise<void>;
}
