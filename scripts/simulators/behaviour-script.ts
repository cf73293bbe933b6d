/** What every simulator understands of a behaviour; each adds kinds of its own. Plain data: a script is JSON, from anywhere. */
export interface Behaviour {
  readonly kind: string;
  /** From the end of the request to the beginning of the answer. */
  readonly delayMs?: number;
  /** Of a success: the body is written in pieces of this many bytes. */
  readonly split?: number;
  /** Of `drip`: a success at this pace. */
  readonly bytesPerSecond?: number;
  /** Of `cut`: the connection is closed after this many bytes of a success's body; 0: before the answer's head. */
  readonly afterBytes?: number;
  /** Of `status`: answered without reading the request's body. */
  readonly early?: boolean;
}

/** A behaviour for requests that match; it stays in force. All conditions given must hold. */
export interface Rule<Kind extends Behaviour> {
  readonly when: { readonly apiKey?: string; readonly promptIncludes?: string };
  readonly behaviour: Kind;
}

/** What decides between behaviours, and what of a request it looks at. */
export interface ChoiceInput {
  readonly header: string | undefined;
  readonly apiKey: string;
  /** Missing when the body is not read yet, or never. */
  readonly prompt: string | undefined;
}

export interface BehaviourScript<Kind extends Behaviour> {
  plan(...behaviours: readonly Kind[]): void;
  /** What a request gets when nothing is planned; a function is asked for each. */
  setDefault(behaviour: Kind | (() => Kind)): void;
  /** Whether the choice for a request may depend on its prompt. */
  readonly looksAtPrompts: boolean;
  /** The header `x-simulate` wins, then the first rule that matches, then the next planned behaviour, then the default. */
  next(input: ChoiceInput): Kind;
}

/**
 * @param otherwise the default at first.
 * @throws TypeError for an entry that is neither a behaviour of these kinds nor a rule.
 */
export function createScript<Kind extends Behaviour>(
  kinds: ReadonlySet<string>,
  entries: readonly (Kind | Rule<Kind>)[],
  otherwise: Kind,
): BehaviourScript<Kind> {
  const rules = entries.filter((entry): entry is Rule<Kind> => 'when' in entry);
  const planned = entries.filter((entry): entry is Kind => !('when' in entry));
  for (const behaviour of [...rules.map((rule) => rule.behaviour), ...planned]) checkBehaviour(kinds, behaviour);
  let makeDefault = (): Kind => otherwise;
  return {
    plan(...behaviours) {
      planned.push(...behaviours.map((behaviour) => checkBehaviour<Kind>(kinds, behaviour)));
    },
    setDefault(behaviour) {
      if (typeof behaviour === 'function') makeDefault = behaviour;
      else {
        const checked = checkBehaviour<Kind>(kinds, behaviour);
        makeDefault = () => checked;
      }
    },
    looksAtPrompts: rules.some((rule) => rule.when.promptIncludes !== undefined),
    next(input) {
      if (input.header !== undefined) return parseBehaviour<Kind>(kinds, input.header);
      return rules.find((rule) => matches(rule, input))?.behaviour ?? planned.shift() ?? makeDefault();
    },
  };
}

/** Reads a behaviour from text: JSON, or the bare name of its kind. @throws TypeError when it is neither. */
export function parseBehaviour<Kind extends Behaviour>(kinds: ReadonlySet<string>, text: string): Kind {
  try {
    return checkBehaviour<Kind>(kinds, text.trimStart().startsWith('{') ? JSON.parse(text) : { kind: text.trim() });
  } catch (error) {
    throw new TypeError(`not a behaviour: ${text.slice(0, 200)}`, { cause: error });
  }
}

function matches({ when }: Rule<Behaviour>, { apiKey, prompt }: ChoiceInput): boolean {
  if (when.apiKey !== undefined && when.apiKey !== apiKey) return false;
  return when.promptIncludes === undefined || prompt?.includes(when.promptIncludes) === true;
}

function checkBehaviour<Kind extends Behaviour>(kinds: ReadonlySet<string>, behaviour: unknown): Kind {
  const kind = typeof behaviour === 'object' && behaviour !== null && 'kind' in behaviour ? behaviour.kind : undefined;
  if (typeof kind !== 'string' || !kinds.has(kind))
    throw new TypeError(`unknown behaviour: ${JSON.stringify(behaviour)}`);
  return behaviour as Kind;
}
