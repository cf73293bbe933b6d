/** What the simulator does with a valid request. Plain data: a script is JSON, from a test, a command line or a header. */
export type GeminiBehaviour = Timing &
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
    | { readonly kind: 'status'; readonly status: number; readonly message?: string; readonly early?: boolean }
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

/** A behaviour for requests that match; it stays in force. All conditions given must hold. */
export interface GeminiRule {
  readonly when: { readonly apiKey?: string; readonly promptIncludes?: string };
  readonly behaviour: GeminiBehaviour;
}

/** What decides between behaviours, and what of a request it looks at. */
export interface ChoiceInput {
  readonly header: string | undefined;
  readonly apiKey: string;
  /** Missing when the body is not read yet, or never. */
  readonly prompt: string | undefined;
}

export interface BehaviourScript {
  plan(...behaviours: readonly GeminiBehaviour[]): void;
  setDefault(behaviour: GeminiBehaviour): void;
  /** Whether the choice for a request may depend on its prompt. */
  readonly looksAtPrompts: boolean;
  /** The header `x-simulate` wins, then the first rule that matches, then the next planned behaviour, then the default. */
  next(input: ChoiceInput): GeminiBehaviour;
}

const KINDS: ReadonlySet<string> = new Set([
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

/** @throws TypeError for an entry that is neither a behaviour nor a rule. */
export function createScript(entries: readonly (GeminiBehaviour | GeminiRule)[]): BehaviourScript {
  const rules = entries.filter((entry): entry is GeminiRule => 'when' in entry);
  const planned = entries.filter((entry): entry is GeminiBehaviour => !('when' in entry));
  for (const behaviour of [...rules.map((rule) => rule.behaviour), ...planned]) checkBehaviour(behaviour);
  let otherwise: GeminiBehaviour = { kind: 'success' };
  return {
    plan(...behaviours) {
      planned.push(...behaviours.map(checkBehaviour));
    },
    setDefault(behaviour) {
      otherwise = checkBehaviour(behaviour);
    },
    looksAtPrompts: rules.some((rule) => rule.when.promptIncludes !== undefined),
    next(input) {
      if (input.header !== undefined) return parseBehaviour(input.header);
      return rules.find((rule) => matches(rule, input))?.behaviour ?? planned.shift() ?? otherwise;
    },
  };
}

/** Reads a behaviour from text: JSON, or the bare name of its kind. @throws TypeError when it is neither. */
export function parseBehaviour(text: string): GeminiBehaviour {
  try {
    return checkBehaviour(text.trimStart().startsWith('{') ? JSON.parse(text) : { kind: text.trim() });
  } catch (error) {
    throw new TypeError(`not a behaviour: ${text.slice(0, 200)}`, { cause: error });
  }
}

function matches({ when }: GeminiRule, { apiKey, prompt }: ChoiceInput): boolean {
  if (when.apiKey !== undefined && when.apiKey !== apiKey) return false;
  return when.promptIncludes === undefined || prompt?.includes(when.promptIncludes) === true;
}

function checkBehaviour(behaviour: unknown): GeminiBehaviour {
  const kind = typeof behaviour === 'object' && behaviour !== null && 'kind' in behaviour ? behaviour.kind : undefined;
  if (typeof kind !== 'string' || !KINDS.has(kind))
    throw new TypeError(`unknown behaviour: ${JSON.stringify(behaviour)}`);
  return behaviour as GeminiBehaviour;
}
