/** The simulated services of a morning, all directed by one book of calls. */
import { SIMULATED_PROVIDERS, type SimulatedProvider } from '../../src/config/rehearsal.ts';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import type { Behaviour } from '../simulators/behaviour-script.ts';
import { startBflSimulator } from '../simulators/bfl.ts';
import { startFalSimulator } from '../simulators/fal.ts';
import { startGeminiSimulator } from '../simulators/gemini.ts';
import { startOpenAiSimulator } from '../simulators/openai.ts';
import { startReplicateSimulator } from '../simulators/replicate.ts';
import type { Director } from '../simulators/simulated-call.ts';
import { startTurbotextSimulator } from '../simulators/turbotext.ts';
import { geminiBehaviour, openAiBehaviour, pollBehaviour, turbotextBehaviour } from './behaviour-of.ts';
import type { BookedCall } from './call-book.ts';
import { type Draw, drawFault } from './draw-fault.ts';
import type { Weather } from './morning.ts';
import { readPhotoNumber } from './photo-number.ts';

/** Simulators that listen at ports in a row. */
export interface DirectedSimulators {
  readonly firstPort: number;
  /** Every call so far, in the order of arrival. */
  readonly calls: readonly BookedCall[];
  stop(): Promise<void>;
}

export interface Direction {
  readonly seed: number;
  readonly weather: Weather;
  /** How far the morning has come, 0 to 1 while it lasts. */
  readonly progress: () => number;
}

interface Startable {
  readonly port: number;
  stop(): Promise<void>;
}

const PORT_TRIES_MAX = 20;

/** Starts all of them. Rejects when no row of free ports is found. */
export async function directSimulators(direction: Direction): Promise<DirectedSimulators> {
  const calls: BookedCall[] = [];
  for (let tries = 1; ; tries += 1) {
    const firstPort = await findFreePort();
    const started: Startable[] = [];
    try {
      for (const [index, provider] of SIMULATED_PROVIDERS.entries())
        started.push(await startOne(provider, firstPort + index, direction, calls));
      return { firstPort, calls, stop: () => stopAll(started) };
    } catch (error) {
      await stopAll(started);
      if (tries === PORT_TRIES_MAX) throw error;
    }
  }
}

async function stopAll(started: readonly Startable[]): Promise<void> {
  await Promise.all(started.map((simulator) => simulator.stop()));
}

function startOne(
  provider: SimulatedProvider,
  port: number,
  direction: Direction,
  calls: BookedCall[],
): Promise<Startable> {
  const directed = <Kind extends Behaviour>(behaviourOf: (draw: Draw) => Kind) => ({
    port,
    director: createDirector(provider, direction, calls, behaviourOf),
  });
  switch (provider) {
    case 'gemini':
      return startGeminiSimulator(directed(geminiBehaviour));
    case 'openai':
      return startOpenAiSimulator(directed(openAiBehaviour));
    case 'turbotext':
      return startTurbotextSimulator(directed(turbotextBehaviour));
    case 'replicate':
      return startReplicateSimulator(directed(pollBehaviour));
    case 'fal':
      return startFalSimulator(directed(pollBehaviour));
    case 'bfl':
      return startBflSimulator(directed(pollBehaviour));
  }
}

function createDirector<Kind extends Behaviour>(
  providerId: SimulatedProvider,
  { seed, weather, progress }: Direction,
  calls: BookedCall[],
  behaviourOf: (draw: Draw) => Kind,
): Director<Kind> {
  const counts = new Map<number, number>();
  const booked = new WeakMap<object, BookedCall>();
  const drawFor = (photoNo: number): Draw => {
    const callNo = (counts.get(photoNo) ?? 0) + 1;
    counts.set(photoNo, callNo);
    const draw = drawFault(seed, { photoNo, providerId, callNo }, weather.shares);
    const now = progress();
    const trouble = weather.troubles.find((one) => one.providerId === providerId && now >= one.from && now < one.until);
    return trouble === undefined ? draw : { ...draw, fault: trouble.fault };
  };
  return {
    async direct(call) {
      const beganAt = performance.now();
      const photoNo = await readPhotoNumber(call.photo);
      const draw = drawFor(photoNo ?? 0);
      const behaviour = behaviourOf(draw);
      const hasPhoto = call.photo.length > 0;
      const met = { fault: draw.fault, kind: behaviour.kind };
      const entry = { providerId, photoNo, hasPhoto, ...met, beganAt, servedAt: undefined };
      booked.set(call, entry);
      calls.push(entry);
      return behaviour;
    },
    served(call) {
      const entry = booked.get(call);
      if (entry !== undefined) entry.servedAt ??= performance.now();
    },
  };
}
