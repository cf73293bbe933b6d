/** Simulated poll services and the adapters that call them. */
import { startBflSimulator } from '../../scripts/simulators/bfl.ts';
import { startFalSimulator } from '../../scripts/simulators/fal.ts';
import type { PollSimulator, PollSimulatorOptions } from '../../scripts/simulators/poll-simulator.ts';
import { startReplicateSimulator } from '../../scripts/simulators/replicate.ts';
import { readPollServices } from '../../src/main/read-poll-services.ts';
import type { TakeSlab } from '../../src/providers/base64-decoder.ts';
import {
  createPollServiceProvider,
  type PollServiceOptions,
} from '../../src/providers/poll-service/poll-service-provider.ts';
import type { PollServiceDescription } from '../../src/providers/poll-service/service-description.ts';
import type {
  CallContext,
  CallOutcome,
  PollOutcome,
  Provider,
  ProviderInput,
  ProviderTicket,
} from '../../src/providers/provider.ts';
import { contextOf } from './gemini.ts';

export const POLL_SERVICES = ['replicate', 'fal', 'bfl'] as const;
export type PollService = (typeof POLL_SERVICES)[number];

export const POLL_KEY = 'test-key-0123456789';

const START = { replicate: startReplicateSimulator, fal: startFalSimulator, bfl: startBflSimulator } as const;

/** Starts the simulator of a service. */
export const startPollSimulatorOf = (
  service: PollService,
  options: PollSimulatorOptions = {},
): Promise<PollSimulator> => START[service]({ apiKey: POLL_KEY, ...options });

/** The description of a service, as it is shipped. */
export function describedService(id: string): PollServiceDescription {
  const found = readPollServices().find((service) => service.id === id);
  if (found === undefined) throw new Error(`no poll service is called ${id}`);
  return found;
}

/** The adapter of a service, at the address of its simulator. */
export function createPolled(
  service: PollServiceDescription,
  baseUrl: string,
  takeSlab: TakeSlab,
  options: Partial<PollServiceOptions> = {},
) {
  const provider = createPollServiceProvider(service, { baseUrl, apiKey: () => POLL_KEY, takeSlab, ...options });
  return { ...provider, poll: provider.poll as Polled['poll'], cancel: provider.cancel as Polled['cancel'] };
}

/** A provider that gives tickets. */
export type Polled = Required<Provider>;

/** How a job went, from its submission to its end. */
export interface Course {
  readonly end: Exclude<PollOutcome, { outcome: 'pending' }>;
  readonly ticket: ProviderTicket | undefined;
  readonly pending: readonly Extract<PollOutcome, { outcome: 'pending' }>[];
}

/** Polls beyond this are a fault of the test. */
const POLLS_MAX = 100;

/** Runs a job to its end without waiting between polls. */
export async function runCourse(
  provider: Polled,
  input: ProviderInput,
  context: CallContext = contextOf(),
): Promise<Course> {
  const first: CallOutcome = await provider.submit(input, context);
  if (first.outcome !== 'ticket') return { end: first, ticket: undefined, pending: [] };
  return await pollCourse(provider, first.ticket, context);
}

/** Polls a ticket to its end without waiting between polls. */
export async function pollCourse(
  provider: Polled,
  ticket: ProviderTicket,
  context: CallContext = contextOf(),
): Promise<Course> {
  const pending: Extract<PollOutcome, { outcome: 'pending' }>[] = [];
  while (pending.length < POLLS_MAX) {
    const polled = await provider.poll(ticket, context);
    if (polled.outcome !== 'pending') return { end: polled, ticket, pending };
    pending.push(polled);
  }
  throw new Error(`a job was still pending after ${POLLS_MAX} polls`);
}
