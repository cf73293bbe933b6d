import { checkProviderSettings } from '../../src/contract/provider-settings.ts';
import { listSlots, type Slot, type SlotChange } from '../../src/repositories/slots.ts';
import { setSlot } from '../../src/services/slot/set-slot.ts';
import { type Command, readOptions, required, table, UsageError } from './command.ts';

/** `slot list` */
export const listSlotsCommand: Command = {
  name: ['slot', 'list'],
  usage: 'slot list',
  about: 'All slots with their provider, operation and settings.',
  run: async (_words, { db }) => {
    const rows = (await listSlots(db)).map((slot) => [
      slot.id,
      slot.isEnabled ? 'on' : 'off',
      slot.name,
      `${slot.providerId}/${slot.operationId}`,
      JSON.stringify(slot.settings),
    ]);
    return table([['slot', '', 'name', 'operation', 'settings'], ...rows]);
  },
};

/** `slot show` */
export const showSlotCommand: Command = {
  name: ['slot', 'show'],
  usage: 'slot show <slot-id>',
  about: 'One slot as JSON.',
  run: async ([id], { db }) => {
    const slot = (await listSlots(db)).find((candidate) => candidate.id === required(id, 'The slot id'));
    if (slot === undefined) throw new UsageError(`There is no slot "${id}". Slots are slot-001 to slot-015.`);
    return JSON.stringify(slot, null, 2);
  },
};

/** `slot set` */
export const setSlotCommand: Command = {
  name: ['slot', 'set'],
  usage:
    "slot set <slot-id> [--name N] [--provider P] [--operation O] [--settings '{…}'] [--set key=value …] [--enable | --disable] [--dry-run]",
  about:
    'Changes what is given; --set changes single settings, --settings replaces them all. Photos already accepted are not affected.',
  run: async (words, { db, providers }) => {
    const { values, positionals } = parse(words);
    const id = required(positionals[0], 'The slot id');
    const current = (await listSlots(db)).find((slot) => slot.id === id);
    const change = changeOf(values, current);
    const deps = { db, providers, checkSettings: checkProviderSettings };
    const slot = await setSlot(deps, id, change, { isDryRun: values['dry-run'] === true });
    return `${values['dry-run'] ? 'Would become' : 'Is now'}:\n${JSON.stringify(slot, null, 2)}`;
  },
};

const parse = (words: string[]) =>
  readOptions(words, {
    name: { type: 'string' },
    provider: { type: 'string' },
    operation: { type: 'string' },
    settings: { type: 'string' },
    set: { type: 'string', multiple: true },
    enable: { type: 'boolean' },
    disable: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  });

function changeOf(values: ReturnType<typeof parse>['values'], current: Slot | undefined): SlotChange {
  if (values.enable && values.disable) throw new UsageError('--enable and --disable exclude each other.');
  // another operation has other settings: nothing of the old ones is carried over
  const isOther = values.provider !== undefined || values.operation !== undefined;
  const kept = isOther ? {} : current?.settings;
  const base = values.settings === undefined ? kept : readObject(values.settings);
  const singles = Object.fromEntries((values.set ?? []).map(readPair));
  const hasSettings = values.settings !== undefined || values.set !== undefined;
  return {
    ...(values.name !== undefined && { name: values.name }),
    ...(values.provider !== undefined && { providerId: values.provider }),
    ...(values.operation !== undefined && { operationId: values.operation }),
    ...(hasSettings && { settings: { ...base, ...singles } }),
    ...((values.enable || values.disable) && { isEnabled: values.enable === true }),
  };
}

function readObject(text: string): Record<string, unknown> {
  const value = readJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError('--settings must be a JSON object.');
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
