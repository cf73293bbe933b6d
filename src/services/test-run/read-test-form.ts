import type { FallbackLink, RepeatPaidCalls } from '../../domain/slot-policy.ts';
import { type FormFields, faultOf, invalidForm } from '../media/receive-picture.ts';
import { readLink } from '../slot/slot-view.ts';
import type { TestRunDeps } from './test-run-deps.ts';

/** The text fields of the form; each holds JSON. */
export const TEST_FIELDS = ['settings', 'metadata', 'candidates'] as const;

/** Settings that are tried without being saved; what is left out is as the slot has it. */
export interface TestSettings extends FallbackLink {
  readonly fallback?: readonly FallbackLink[];
  readonly repeatPaidCalls?: RepeatPaidCalls;
}

/** What is to be tried. */
export interface TestForm {
  /** Undefined: the slot as it is set up. */
  readonly settings: TestSettings | undefined;
  /** Each is tried by itself; undefined: the slot, or `settings`, alone. */
  readonly candidates: readonly FallbackLink[] | undefined;
  /** What would come with the photo of a station. */
  readonly metadata: Readonly<Record<string, string>>;
}

type SentLink = Parameters<typeof readLink>[0];

/** The fields in the shape that the contract gives them. */
interface SentForm {
  readonly settings?: SentLink & {
    readonly fallback?: readonly SentLink[];
    readonly repeat_paid_calls?: RepeatPaidCalls;
  };
  readonly candidates?: readonly SentLink[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Reads the text fields, in any order; before all of them are there, those that are.
 *
 * @throws DomainError `invalid_payload` with every fault of what is there.
 */
export function readTestForm(
  { parseJsonField, findFormFaults }: Pick<TestRunDeps, 'parseJsonField' | 'findFormFaults'>,
  fields: FormFields,
): TestForm {
  const given = TEST_FIELDS.flatMap((name) => {
    const text = fields.get(name);
    return text === undefined ? [] : [[name, parseJsonField(name, text)] as const];
  });
  const sent = Object.fromEntries(given);
  const faults = findFormFaults('testRunSlot', sent);
  if (fields.has('settings') && fields.has('candidates'))
    faults.push(faultOf('candidates', 'cannot be sent together with settings: make them one of the candidates', 'not'));
  if (faults.length > 0) throw invalidForm(faults);
  const { settings, candidates, metadata = {} } = sent as SentForm;
  return { settings: settings && readSettings(settings), candidates: candidates?.map(readLink), metadata };
}

const readSettings = (sent: NonNullable<SentForm['settings']>): TestSettings => ({
  ...readLink(sent),
  ...(sent.fallback !== undefined && { fallback: sent.fallback.map(readLink) }),
  ...(sent.repeat_paid_calls !== undefined && { repeatPaidCalls: sent.repeat_paid_calls }),
});
