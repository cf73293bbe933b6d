import { listLanes, updateLane } from '../../src/repositories/lanes.ts';
import { seedProviderLanes } from '../../src/services/provider/seed-provider-lanes.ts';
import { type Command, readOptions, required, table, UsageError } from './command.ts';

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
  run: async (words, { db, providers }) => {
    const { values, positionals } = readOptions(words, {
      'running-max': { type: 'string' },
      'calls-per-minute': { type: 'string' },
      'open-max': { type: 'string' },
    });
    const id = required(positionals[0], 'The provider id');
    await seedProviderLanes({ db, providers });
    const lane = (await listLanes(db)).find((candidate) => candidate.providerId === id);
    if (lane === undefined)
      throw new UsageError(`There is no provider "${id}". Providers: ${[...providers.keys()].join(', ')}.`);
    await updateLane(db, {
      providerId: id,
      runningMax: limitOf(values['running-max'], lane.runningMax) ?? lane.runningMax,
      callsPerMinute: limitOf(values['calls-per-minute'], lane.callsPerMinute),
      openMax: limitOf(values['open-max'], lane.openMax),
    });
    return `The limits of ${id} are changed.`;
  },
};

function limitOf(text: string | undefined, current: number | null): number | null {
  if (text === undefined) return current;
  if (text === 'none') return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`A limit is a whole number from 1, or none; not "${text.slice(0, 40)}".`);
  return value;
}
