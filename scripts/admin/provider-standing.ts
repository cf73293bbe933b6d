import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { availabilityView } from '../../src/services/provider/availability-view.ts';
import { closeCircuit } from '../../src/services/provider/close-circuit.ts';
import { listProviders } from '../../src/services/provider/list-providers.ts';
import { providerView } from '../../src/services/provider/provider-view.ts';
import { seedProviderLanes } from '../../src/services/provider/seed-provider-lanes.ts';
import type { Command } from './command.ts';
import { providerIn } from './provider.ts';

/** `provider show` */
export const showProviderCommand: Command = {
  name: ['provider', 'show'],
  usage: 'provider show <provider-id>',
  about: 'One provider as JSON: whether it can be called now and why not, its limits, and how its latest calls went.',
  run: async ([word], context) => {
    const id = providerIn(context, word);
    await seedProviderLanes(context);
    // the schemas of the settings are long, and for programs
    const listed = await listProviders({ ...context, findSettingsSchema: () => undefined });
    const found = listed.filter(({ description }) => description.id === id).map(providerView);
    return found
      .map(({ operations, ...view }) => ({ ...view, operations: operations.map((operation) => operation.id) }))
      .map((view) => JSON.stringify(view, null, 2))
      .join('');
  },
};

/** `provider retry` */
export const retryProviderCommand: Command = {
  name: ['provider', 'retry'],
  usage: 'provider retry <provider-id>',
  about:
    'Forgets what is held against a provider (failures, pauses, a used-up quota), so that it is called again at once.',
  run: async ([word], context) => {
    const id = providerIn(context, word);
    await seedProviderLanes(context);
    const { state, reason } = availabilityView(await closeCircuit(context, COMMAND_LINE, id));
    return `${id} is ${state} now.${reason === null ? '' : ` ${reason}.`}`;
  },
};
