import { openSecrets } from '../../src/main/open-secrets.ts';
import { type LaneGate, listGates, listLanes } from '../../src/repositories/lanes.ts';
import { seedProviderLanes } from '../../src/services/provider/seed-provider-lanes.ts';
import { changeSettings } from './change-settings.ts';
import { type AdminContext, type Command, readOptions, required, table, UsageError } from './command.ts';
import { readSecret } from './read-secret.ts';

const amount = (value: number | null): string => (value === null ? 'no limit' : String(value));

/** `provider list` */
export const listProvidersCommand: Command = {
  name: ['provider', 'list'],
  usage: 'provider list',
  about: 'Providers, their operations, whether they can be called now, and their limits.',
  run: async (_words, { db, providers }) => {
    await seedProviderLanes({ db, providers });
    const gates = new Map((await listGates(db)).map((gate) => [gate.providerId, gate]));
    const lanes = new Map((await listLanes(db)).map((lane) => [lane.providerId, lane]));
    const rows = [...providers.values()].map((provider) => {
      const { id, operations } = provider.description;
      const lane = lanes.get(id);
      return [
        id,
        provider.isConfigured() ? stateOf(gates.get(id)) : 'no key',
        String(lane?.runningMax ?? ''),
        amount(lane?.callsPerMinute ?? null),
        amount(lane?.callsPerDay ?? null),
        amount(lane?.openMax ?? null),
        operations.map((operation) => operation.id).join(' '),
      ];
    });
    return table([['provider', 'state', 'at once', 'calls/min', 'calls/day', 'open', 'operations'], ...rows]);
  },
};

/** How a provider with a key stands, in a few words. */
function stateOf(gate: LaneGate | undefined): string {
  if (gate === undefined || gate.waitMs <= 0) return gate?.state ?? 'ready';
  return `${gate.state} for ${Math.ceil(gate.waitMs / 1000)} s`;
}

/** `provider set` */
export const setProviderCommand: Command = {
  name: ['provider', 'set'],
  usage:
    'provider set <provider-id> [--running-max N] [--calls-per-minute N|none] [--calls-per-day N|none] [--open-max N|none]',
  about: 'Changes the limits that hold over all processes, from the next call on.',
  run: async (words, context) => {
    const { values, positionals } = readOptions(words, {
      'running-max': { type: 'string' },
      'calls-per-minute': { type: 'string' },
      'calls-per-day': { type: 'string' },
      'open-max': { type: 'string' },
    });
    const id = providerIn(context, positionals[0]);
    const parameters = Object.fromEntries(
      Object.entries(values).map(([name, text]) => [name.replaceAll('-', '_'), limitOf(text as string)]),
    );
    await changeSettings(context, { providers: { [id]: { parameters } } });
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
    await changeSettings(context, { providers: { [id]: { apiKey, parameters: {} } } }, secretBox);
    return apiKey === null ? `The key of ${id} is removed.` : `The key of ${id} is set.`;
  },
};

/** The provider that a word names. @throws UsageError */
export function providerIn({ providers }: AdminContext, word: string | undefined): string {
  const id = required(word, 'The provider id');
  if (!providers.has(id))
    throw new UsageError(`There is no provider "${id.slice(0, 60)}". Providers: ${[...providers.keys()].join(', ')}.`);
  return id;
}

function limitOf(text: string): number | null {
  if (text === 'none') return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`A limit is a whole number from 1, or none; not "${text.slice(0, 40)}".`);
  return value;
}
