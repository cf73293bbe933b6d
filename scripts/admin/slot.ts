import { checkProviderSettings } from '../../src/contract/provider-settings.ts';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { probePublicAddress } from '../../src/main/probe-public-address.ts';
import { publicBaseUrl } from '../../src/main/public-base-url.ts';
import { findSlot, listSlots, type Slot } from '../../src/repositories/slots.ts';
import type { ChangeSlotDeps } from '../../src/services/slot/change-slot.ts';
import { listSlotHistory } from '../../src/services/slot/list-slot-history.ts';
import { restoreSlotVersion } from '../../src/services/slot/restore-slot-version.ts';
import { setSlot } from '../../src/services/slot/set-slot.ts';
import { findSlotWarnings } from '../../src/services/slot/slot-warnings.ts';
import { type AdminContext, type Command, required, table, UsageError } from './command.ts';
import { changeOf, parseSlotOptions, SLOT_OPTIONS } from './slot-options.ts';

/** `slot list` */
export const listSlotsCommand: Command = {
  name: ['slot', 'list'],
  usage: 'slot list',
  about: 'All slots with their provider and operation, their fallback chain, and their settings.',
  run: async (_words, { db }) => {
    const rows = (await listSlots(db)).map((slot) => [
      slot.id,
      slot.isEnabled ? 'on' : 'off',
      slot.name,
      [slot, ...slot.fallback].map(({ providerId, operationId }) => `${providerId}/${operationId}`).join(' → '),
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
  run: async ([id], context) => JSON.stringify(await slotOf(context, id), null, 2),
};

async function slotOf({ db }: AdminContext, id: string | undefined): Promise<Slot> {
  const slot = await findSlot(db, required(id, 'The slot id'));
  if (slot === undefined) throw new UsageError(`There is no slot "${id}". Slots are slot-001 to slot-015.`);
  return slot;
}

const changeDeps = ({ db, providers, config }: AdminContext): ChangeSlotDeps => ({
  db,
  providers,
  checkSettings: checkProviderSettings,
  retentionHours: config.values.RESULT_RETENTION_HOURS,
});

/** Lines to be put after the slot. The server may listen elsewhere than this machine's variables say. */
async function warningsOf({ db, providers, config }: AdminContext, slot: Slot): Promise<string> {
  const deps = { db, providers, probePublicAddress, publicBaseUrl: () => publicBaseUrl(config, undefined) };
  return (await findSlotWarnings(deps, slot)).map(({ message }) => `\nWarning: ${message}`).join('');
}

/** `slot set` */
export const setSlotCommand: Command = {
  name: ['slot', 'set'],
  usage: `slot set <slot-id> ${SLOT_OPTIONS}`,
  about:
    'Changes what is given; --set changes single settings, --settings replaces them all, --fallback (once for each link) the whole chain; --fallback-studio puts the photo in a frame when nothing else works. Photos already accepted are not affected.',
  run: async (words, context) => {
    const { values, positionals } = parseSlotOptions(words);
    const current = await slotOf(context, positionals[0]);
    const slot = await setSlot(changeDeps(context), COMMAND_LINE, {
      slotId: current.id,
      change: changeOf(values, current),
      // single settings are put into what was read: they must not undo what somebody else changes meanwhile
      updatedAt: current.updatedAt.toISOString(),
      isDryRun: values['dry-run'] === true,
    });
    const head = values['dry-run'] ? 'Would become' : 'Is now';
    return `${head}:\n${JSON.stringify(slot, null, 2)}${await warningsOf(context, slot)}`;
  },
};

/** As many versions as are kept. */
const VERSIONS_MAX = 200;

/** `slot history` */
export const showSlotHistoryCommand: Command = {
  name: ['slot', 'history'],
  usage: 'slot history <slot-id>',
  about: 'How the slot was set up before, newest first: when, by whom, and what was changed.',
  run: async ([id], context) => {
    const { versions } = await listSlotHistory(context, (await slotOf(context, id)).id, {
      page: 1,
      pageSize: VERSIONS_MAX,
    });
    const rows = versions.map((version) => [
      String(version.version),
      version.changedAt.toISOString(),
      version.changedBy ?? '',
      version.restoredFrom === null ? version.change : `restored ${version.restoredFrom}`,
      version.changedFields?.join(' ') ?? '',
    ]);
    return table([['version', 'since', 'by', 'how', 'what changed'], ...rows]);
  },
};

/** `slot restore` */
export const restoreSlotCommand: Command = {
  name: ['slot', 'restore'],
  usage: 'slot restore <slot-id> <version>',
  about: 'Sets the slot up as it was in that version, whole. Photos already accepted are not affected.',
  run: async ([id, number], context) => {
    const current = await slotOf(context, id);
    const version = required(number, 'The version');
    if (!/^[1-9]\d{0,8}$/.test(version)) throw new UsageError(`"${version.slice(0, 60)}" is not a version.`);
    const request = { slotId: current.id, version: Number(version) };
    const slot = await restoreSlotVersion(changeDeps(context), COMMAND_LINE, request);
    return `Is now:\n${JSON.stringify(slot, null, 2)}${await warningsOf(context, slot)}`;
  },
};
