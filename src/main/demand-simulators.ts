import { SIMULATED_PROVIDERS, type SimulatedProvider, simulatorUrl } from '../config/rehearsal.ts';
import type { Config } from '../config.ts';

const LIMIT_MS = 3_000;

/**
 * Asks every simulator who it is. Something else may listen at its port, and that must not get a photo.
 *
 * @throws Error naming those that do not answer, or are something else, and what to do.
 */
export async function demandSimulators({ values }: Pick<Config, 'values'>): Promise<void> {
  const faults = await Promise.all(SIMULATED_PROVIDERS.map((provider) => faultOf(values.SIMULATORS_PORT, provider)));
  const found = faults.filter((fault) => fault !== undefined);
  if (found.length === 0) return;
  const lines = ['A rehearsal needs the simulators.', ...found.map((fault) => `  - ${fault}`)];
  throw new Error([...lines, 'Start them first: npm run simulators'].join('\n'));
}

async function faultOf(firstPort: number, provider: SimulatedProvider): Promise<string | undefined> {
  const url = simulatorUrl(firstPort, provider);
  try {
    const answer = await fetch(`${url}/simulator`, { redirect: 'error', signal: AbortSignal.timeout(LIMIT_MS) });
    const said = (await answer.json()) as { simulator?: unknown } | null;
    return said?.simulator === provider ? undefined : `${url} is not the simulator of ${provider}.`;
  } catch (error) {
    return error instanceof SyntaxError
      ? `${url} is not the simulator of ${provider}.`
      : `${provider} does not answer at ${url}.`;
  }
}
