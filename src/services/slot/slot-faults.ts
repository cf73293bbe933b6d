/** Whether a slot, as a whole, can do what it is set up to do. */
import type { FieldFault } from '../../domain/errors.ts';
import { budgetFault, FALLBACK_LINKS_MAX, type FallbackLink } from '../../domain/slot-policy.ts';
import type { SlotSetup } from '../../domain/slot-version.ts';
import type { Provider } from '../../providers/provider.ts';
import type { Step } from '../../repositories/transaction.ts';
import { findTemplateFaults } from '../media/template-faults.ts';

/** What judging a slot needs. */
export interface SlotFaultsDeps {
  readonly providers: ReadonlyMap<string, Provider>;
  /** Every fault of an operation's settings; undefined when the contract has no schema for the operation. */
  readonly checkSettings: (
    providerId: string,
    operationId: string,
    settings: unknown,
    prefix: string,
  ) => readonly FieldFault[] | undefined;
}

/** Where the parts of a slot stand in what the client sent, as RFC 6901 pointers. */
export interface SlotPointers {
  readonly fields: string;
  readonly settings: string;
}

/**
 * Every reason why the slot would not be usable: an unknown provider or operation, settings that the operation's own schema does not
 * accept, templates that are not bound or would hide the photo, of the slot and of every fallback link; a provider without a key (of an enabled slot only: a
 * link without one is passed over); a budget that is none.
 *
 * To be called with the slot's row locked: a template that was found then stays.
 */
export async function findSlotFaults(
  step: Step,
  deps: SlotFaultsDeps,
  slot: SlotSetup & { readonly id: string },
  at: SlotPointers,
): Promise<FieldFault[]> {
  const provider = deps.providers.get(slot.providerId);
  const lacksKey = slot.isEnabled && provider !== undefined && !provider.isConfigured();
  const faults = [
    ...(lacksKey ? [noKey(`${at.fields}/provider_id`, provider)] : []),
    ...(await findLinkFaults(step, deps, slot.id, slot, at)),
  ];
  if (slot.fallback.length > FALLBACK_LINKS_MAX) return [...faults, tooManyLinks(`${at.fields}/fallback`)];
  for (const [index, link] of slot.fallback.entries()) {
    const fields = `${at.fields}/fallback/${index}`;
    faults.push(...(await findLinkFaults(step, deps, slot.id, link, { fields, settings: `${fields}/settings_json` })));
  }
  const budget = budgetFault(slot.dailyBudget);
  if (budget !== undefined) faults.push({ pointer: `${at.fields}/daily_budget`, message: budget, keyword: 'budget' });
  return faults;
}

/** What is wrong with what one provider is asked to do; of the slot itself, or of one of its fallback links. */
async function findLinkFaults(
  step: Step,
  deps: SlotFaultsDeps,
  slotId: string,
  link: FallbackLink,
  at: SlotPointers,
): Promise<FieldFault[]> {
  const provider = deps.providers.get(link.providerId);
  if (provider === undefined) return [notOneOf(`${at.fields}/provider_id`, [...deps.providers.keys()])];
  const operationPointer = `${at.fields}/operation_id`;
  const operations = provider.description.operations.map((operation) => operation.id);
  if (!operations.includes(link.operationId)) return [notOneOf(operationPointer, operations)];
  const settings = deps.checkSettings(link.providerId, link.operationId, link.settings, at.settings);
  if (settings === undefined)
    return [{ pointer: operationPointer, message: 'has no settings schema in the contract', keyword: 'enum' }];
  if (settings.length > 0) return [...settings];
  const templates = await findTemplateFaults(step, slotId, link);
  return templates.map((fault) => ({ ...fault, pointer: at.settings + fault.pointer }));
}

const tooManyLinks = (pointer: string): FieldFault => ({
  pointer,
  message: `must not have more than ${FALLBACK_LINKS_MAX} links`,
  keyword: 'maxItems',
});

const notOneOf = (pointer: string, known: readonly string[]): FieldFault => ({
  pointer,
  message: `must be one of ${known.join(', ')}`,
  keyword: 'enum',
});

const noKey = (pointer: string, { description }: Provider): FieldFault => ({
  pointer,
  message: `names ${description.name}, which has no key yet: set its key first, or switch the slot off`,
  keyword: 'configured',
});
