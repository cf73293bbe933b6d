import type { ImageMimeType } from '../../domain/images.ts';
import type { Charged, FailureKind, OperationDescription } from '../provider.ts';

/** A place in an answer: a JSON pointer (RFC 6901), such as `/urls/get`. */
export type Pointer = string;

/**
 * Everything the adapter has to know of one service, as data: `description.schema.json` beside this file is its JSON Schema, closed,
 * and says what each field is for. A description is checked when the server starts.
 */
export interface PollServiceDescription {
  readonly id: string;
  readonly name: string;
  /** Hosts as in `UrlRules`. The key goes to `api` hosts only. */
  readonly hosts: { readonly api: readonly string[]; readonly results: readonly string[] };
  readonly key: { readonly header: string; readonly prefix?: string };
  readonly limits: ServiceLimits;
  readonly operations: readonly DescribedOperation[];
  readonly ticket: {
    readonly id: Pointer;
    readonly pollUrl: Pointer;
    readonly resultUrl?: Pointer;
    readonly cancelUrl?: Pointer;
  };
  readonly status: {
    readonly at: Pointer;
    /** What a word means. A word that is not here is one that says: not yet. */
    readonly words: Readonly<Record<string, StatusRule>>;
    readonly position?: Pointer;
    readonly progress?: Pointer;
  };
  readonly image: {
    /** The first of these places that holds something counts. */
    readonly at: readonly Pointer[];
    readonly as: 'url' | 'base64';
    /** Whether a second request, to the ticket's `resultUrl`, brings the document with the picture. */
    readonly fromResultUrl: boolean;
  };
  readonly cancelMethod?: 'POST' | 'PUT';
  readonly failure: {
    /** Where a failure says why; every place that holds a text counts. */
    readonly words: readonly Pointer[];
    /** Texts, in lower case, that make a failure a refusal of the content. */
    readonly refusals: readonly string[];
    /** Where a throttled call says how many seconds to wait, besides the header `Retry-After`. */
    readonly retryAfterSeconds?: Pointer;
    /** Rules for answers with another status than 2xx; the first that matches counts, before the rules of HTTP itself. */
    readonly http: readonly HttpRule[];
  };
}

/** What the worker may rely on; see `ProviderDescription`. */
export interface ServiceLimits {
  readonly mimeTypes: readonly ImageMimeType[];
  /** Of all the pictures of a job together: they travel in one request. */
  readonly inputBytesMax: number;
  readonly referencesMax: number;
  readonly runningMax: number;
  readonly callsPerMinute: number | null;
  readonly slowCallMs: number;
  readonly pollIntervalMs: number;
}

/** An operation, and how a call of it is written. */
export interface DescribedOperation extends OperationDescription {
  /** Below the base address. `{name}` stands for a setting; a slash in it stays one. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What stands for settings that are left out. */
  readonly defaults: Readonly<Record<string, string | number | boolean>>;
  readonly body: BodyTemplate;
}

/**
 * A JSON body with places to fill in. A picture is written as `data_uri` or `base64`.
 *
 * - `{"$setting": "seed"}`: a setting; left out where there is none.
 * - `{"$photo": "base64"}`: the photo.
 * - `{"$template": 1, "as": "base64"}`: a template picture, the first of `template_media_ids` is 1; left out where there is none.
 * - `{"$pictures": "data_uri"}`: a list, the photo and then the templates.
 *
 * A key `{name}` is the text of the setting `name`. One that ends in `[]` holds a list, any other a single value: more than one
 * picture does not fit there, and the job is not submitted.
 */
export type BodyTemplate =
  | string
  | number
  | boolean
  | null
  | readonly BodyTemplate[]
  | { readonly [key: string]: BodyTemplate };

/** What is to be made of a failure. */
export interface FailureRule {
  readonly kind: FailureKind;
  readonly retryable: boolean;
  readonly charged: Charged;
  readonly exhausted?: boolean;
}

/** What a status word means. */
export type StatusRule = { readonly is: 'pending' | 'done' } | ({ readonly is: 'failed' } & FailureRule);

/** At which request a rule holds. */
export type CallStep = 'submit' | 'poll' | 'result';

/** What an HTTP status means. */
export interface HttpRule extends FailureRule {
  readonly statusMin: number;
  readonly statusMax: number;
  /** Default: every step. */
  readonly steps?: readonly CallStep[];
  /** A text, in lower case, that the body must hold. */
  readonly includes?: string;
}
