import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { DomainError, type FieldFault } from '../../src/domain/errors.ts';
import { openSecrets } from '../../src/main/open-secrets.ts';
import { listLanes } from '../../src/repositories/lanes.ts';
import { seedProviderLanes } from '../../src/services/provider/seed-provider-lanes.ts';
import type { SecretBox } from '../../src/services/secrets/secret-box.ts';
import type { SettingsChange } from '../../src/services/settings/settings-change.ts';
import { updatePlatformSettings } from '../../src/services/settings/update-platform-settings.ts';
import { type AdminContext, type Command, readOptions, required, table, UsageError } from './command.ts';
import { readSecret } from './read-secret.ts';

const amount = (value: number | null): string => (value === null ? 'no limit' : String(value));

/** `provider list` */
export const listProvidersCommand: Command = {
  name: ['provider', 'list'],
  usage: 'provider list',
  about: 'Providers, their operations, whether they have what they need, and their limits.',
  run: async (_words, { db, providers }) => {
    await seedProviderLanes({ db, providers });
    const lanes = new Map((await listLanes(db)).map((lane) => [lane.providerId, lane]));
    const rows = [...providers.values()].map((provider) => {
      const { id, operations } = provider.description;
      const lane = lanes.get(id);
      return [
        id,
        provider.isConfigured() ? 'ready' : 'no key',
        String(lane?.runningMax ?? ''),
        amount(lane?.callsPerMinute ?? null),
        amount(lane?.openMax ?? null),
        operations.map((operation) => operation.id).join(' '),
      ];
    });
    return table([['provider', 'state', 'at once', 'calls/min', 'open', 'operations'], ...rows]);
  },
};

/** `provider set` */
export const setProviderCommand: Command = {
  name: ['provider', 'set'],
  usage: 'provider set <provider-id> [--running-max N] [--calls-per-minute N|none] [--open-max N|none]',
  about: 'Changes the limits that hold over all processes, from the next call on.',
  run: async (words, context) => {
    const { values, positionals } = readOptions(words, {
      'running-max': { type: 'string' },
      'calls-per-minute': { type: 'string' },
      'open-max': { type: 'string' },
    });
    const id = providerIn(context, positionals[0]);
    const parameters = Object.fromEntries(
      Object.entries(values).map(([name, text]) => [name.replaceAll('-', '_'), limitOf(text as string)]),
    );
    await changeSettings(context, context.secretBox, { providers: { [id]: { parameters } } });
    return `The limits of ${id} are changed.`;
  },
};

/** `provider key` */
export const setProviderKeyCommand: Command = {
  name: ['provider', 'key'],
  usage: 'provider key <provider-id> [--remove]',
  about:
    'Sets the key of a provider, which is typed or piped in, or removes it; it is encrypted, and used from the next call on.',
  run: async (words, context) => {
    const { values, positionals } = readOptions(words, { remove: { type: 'boolean' } });
    const id = providerIn(context, positionals[0]);
    if (positionals.length > 1)
      throw new UsageError(
        'A key on the command line would be seen by others. Leave it out; it is asked for, or piped in.',
      );
    const apiKey = values.remove === true ? null : await readSecret(`The key of ${id}`);
    const secretBox = await openSecrets(context.config, context.db);
    await changeSettings(context, secretBox, { providers: { [id]: { apiKey, parameters: {} } } });
    return apiKey === null ? `The key of ${id} is removed.` : `The key of ${id} is set.`;
  },
};

function providerIn({ providers }: AdminContext, word: string | undefined): string {
  const id = required(word, 'The provider id');
  if (!providers.has(id))
    throw new UsageError(`There is no provider "${id.slice(0, 60)}". Providers: ${[...providers.keys()].join(', ')}.`);
  return id;
}

/** @throws UsageError with every fault in words. */
async function changeSettings(context: AdminContext, secretBox: SecretBox, change: SettingsChange): Promise<void> {
  const { db, config, providers, providerKeys } = context;
  const { T_SYNC_RESPONSE_SECONDS: windowSeconds, RESULT_RETENTION_HOURS: retentionHours } = config.values;
  await seedProviderLanes({ db, providers });
  const deps = { db, providers, providerKeys, secretBox, environment: { windowSeconds, retentionHours } };
  try {
    await updatePlatformSettings(deps, COMMAND_LINE, change);
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'invalid_settings')) throw error;
    const fields = error.details?.fields as readonly FieldFault[];
    throw new UsageError(fields.map(({ pointer, message }) => `${pointer.split('/').at(-1)} ${message}.`).join('\n'));
  }
}

function limitOf(text: string): number | null {
  if (text === 'none') return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`A limit is a whole number from 1, or none; not "${text.slice(0, 40)}".`);
  return value;
}
