import type { FallbackLink, SlotPolicy } from '../../src/domain/slot-policy.ts';
import type { Slot, SlotChange } from '../../src/repositories/slots.ts';
import { readOptions, UsageError } from './command.ts';

/** The options of `slot set`, as its help shows them. */
export const SLOT_OPTIONS = [
  "[--name N] [--provider P] [--operation O] [--settings '{…}'] [--set key=value …] [--keep-original-hours N]",
  "[--fallback 'provider/operation={…}' …] [--fallback-studio] [--no-fallback]",
  '[--repeat-paid-calls never|when_uncertain|always] [--daily-budget N|none] [--over-budget fallback|stop]',
  '[--enable | --disable] [--dry-run]',
].join(' ');

/** Reads the words of `slot set`. @throws UsageError */
export const parseSlotOptions = (words: string[]) =>
  readOptions(words, {
    name: { type: 'string' },
    provider: { type: 'string' },
    operation: { type: 'string' },
    settings: { type: 'string' },
    set: { type: 'string', multiple: true },
    'keep-original-hours': { type: 'string' },
    fallback: { type: 'string', multiple: true },
    'fallback-studio': { type: 'boolean' },
    'no-fallback': { type: 'boolean' },
    'repeat-paid-calls': { type: 'string' },
    'daily-budget': { type: 'string' },
    'over-budget': { type: 'string' },
    enable: { type: 'boolean' },
    disable: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  });

type Values = ReturnType<typeof parseSlotOptions>['values'];

/** What the words change of the slot. @throws UsageError */
export function changeOf(values: Values, current: Slot): SlotChange {
  if (values.enable && values.disable) throw new UsageError('--enable and --disable exclude each other.');
  // another operation has other settings: nothing of the old ones is carried over
  const isOther = values.provider !== undefined || values.operation !== undefined;
  const kept = isOther ? {} : current.settings;
  const base = values.settings === undefined ? kept : readObject(values.settings);
  const singles = Object.fromEntries((values.set ?? []).map(readPair));
  const hasSettings = values.settings !== undefined || values.set !== undefined;
  return {
    ...(values.name !== undefined && { name: readName(values.name) }),
    ...(values.provider !== undefined && { providerId: values.provider }),
    ...(values.operation !== undefined && { operationId: values.operation }),
    ...(hasSettings && { settings: { ...base, ...singles } }),
    ...(values['keep-original-hours'] !== undefined && { keepOriginalHours: readHours(values['keep-original-hours']) }),
    ...((values.enable || values.disable) && { isEnabled: values.enable === true }),
    ...policyOf(values, current),
  };
}

function policyOf(values: Values, current: Slot): Partial<SlotPolicy> {
  const { 'repeat-paid-calls': repeat, 'daily-budget': budget, 'over-budget': over } = values;
  const fallback = fallbackOf(values, current);
  return {
    ...(fallback !== undefined && { fallback }),
    ...(repeat !== undefined && { repeatPaidCalls: oneOf('--repeat-paid-calls', REPEATS, repeat) }),
    ...(budget !== undefined && { dailyBudget: readBudget(budget) }),
    ...(over !== undefined && { overBudget: oneOf('--over-budget', OVER, over) }),
  };
}

const REPEATS = ['never', 'when_uncertain', 'always'] as const;
const OVER = ['fallback', 'stop'] as const;

/** What `--fallback-studio` stands for: it needs no key, no network and no settings. */
const STUDIO_FRAME: FallbackLink = { providerId: 'studio', operationId: 'frame', settings: {} };

function fallbackOf(values: Values, { fallback }: Slot): readonly FallbackLink[] | undefined {
  const { 'fallback-studio': addsStudio, 'no-fallback': isEmptied } = values;
  if (isEmptied && (addsStudio || values.fallback)) throw new UsageError('--no-fallback excludes the other two.');
  if (isEmptied) return [];
  const links = values.fallback?.map(readLink);
  if (!addsStudio) return links;
  const chain = links ?? fallback;
  return chain.some((link) => link.providerId === STUDIO_FRAME.providerId) ? chain : [...chain, STUDIO_FRAME];
}

/** `provider/operation`, or `provider/operation={…}` with settings. */
function readLink(text: string): FallbackLink {
  const found = /^([a-z0-9_-]+)\/([a-z0-9_-]+)(?:=(\{.*\}))?$/s.exec(text);
  if (found === null)
    throw new UsageError(`--fallback takes provider/operation or provider/operation={…}, not "${text.slice(0, 80)}"`);
  const [, providerId = '', operationId = '', settings = '{}'] = found;
  return { providerId, operationId, settings: readObject(settings) };
}

function oneOf<Word extends string>(option: string, words: readonly Word[], text: string): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new UsageError(`${option} takes ${words.join(', ')}; not "${text.slice(0, 40)}".`);
  return found;
}

function readBudget(text: string): number | null {
  if (text === 'none') return null;
  if (/^\d{1,8}(?:\.\d{1,4})?$/.test(text)) return Number(text);
  throw new UsageError('--daily-budget takes an amount with at most four digits after the point, or none.');
}

function readName(text: string): string {
  if (text.trim() !== '' && [...text].length <= 100 && !/\p{Cc}/u.test(text)) return text;
  throw new UsageError('--name takes 1 to 100 characters, none of them a control character.');
}

function readHours(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 720) return Number(text);
  throw new UsageError('--keep-original-hours takes a number of hours from 0 to 720.');
}

function readObject(text: string): Record<string, unknown> {
  const value = readJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError('Settings must be a JSON object.');
  return value as Record<string, unknown>;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`This is not JSON: ${text.slice(0, 80)}`);
  }
}

/** `key=value`; the value is JSON where it reads as such, else text. */
function readPair(pair: string): [string, unknown] {
  const at = pair.indexOf('=');
  if (at < 1) throw new UsageError(`--set takes key=value, not "${pair.slice(0, 80)}"`);
  const text = pair.slice(at + 1);
  const isJson = /^(?:true|false|null|-?\d+(?:\.\d+)?|\{.*\}|\[.*\])$/s.test(text);
  return [pair.slice(0, at), isJson ? readJson(text) : text];
}
