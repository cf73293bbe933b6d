import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { SIMULATED_PROVIDERS, SIMULATORS_PORT, type SimulatedProvider } from '../../src/config/rehearsal.ts';
import { type Behaviour, parseBehaviour } from './behaviour-script.ts';
import { startBflSimulator } from './bfl.ts';
import { startFalSimulator } from './fal.ts';
import { startGeminiSimulator } from './gemini.ts';
import { GEMINI_KINDS } from './gemini-behaviour.ts';
import { GEMINI_MOODS } from './gemini-moods.ts';
import { startOpenAiSimulator } from './openai.ts';
import { OPENAI_KINDS, OPENAI_MOODS } from './openai-behaviour.ts';
import { POLL_KINDS, POLL_MOODS } from './poll-behaviour.ts';
import { type Mood, randomBehaviours } from './random-behaviour.ts';
import { startReplicateSimulator } from './replicate.ts';
import type { SimulatorOptions } from './simulator.ts';
import { startTurbotextSimulator } from './turbotext.ts';
import { TURBOTEXT_KINDS, TURBOTEXT_MOODS } from './turbotext-behaviour.ts';

const HELP = `Usage: node scripts/simulators/main.ts [gemini|openai|turbotext|replicate|fal|bfl] [options]

Starts a simulator of one AI provider on this machine, or of all of them, as a rehearsal needs them; prints one JSON line with the
address of each, and runs until SIGINT or SIGTERM. A server with PHOTOCHANGER_REHEARSAL=1 finds them by itself.

  --port <n>          port to listen on (default: a free one); of all: the first one, the others follow it (default: ${SIMULATORS_PORT})
  --host <address>    address to listen on (default: 127.0.0.1)
  --seed <n>          when nothing is planned, behave at random like the real service; the same seed, the same evening
  --answer <file>     picture of every success (default: painted from the photo that was sent)
  --api-key <key>     the only key accepted (default: any)
  --help              this text

For one provider:
  --script <json>     list of behaviours, one a request or job, and rules, e.g.
                      '[{"kind":"no_image"},{"when":{"promptIncludes":"sad"},"behaviour":{"kind":"no_image"}}]'
  --default <b>       behaviour when nothing is planned: a kind, or JSON (default: success)
  --cheap             gemini, openai: do not look at requests; for benchmarks, needs --answer

All behaviours take "delayMs". A request may choose by the header x-simulate.
gemini: ${[...GEMINI_KINDS].join(' ')}
openai: ${[...OPENAI_KINDS].join(' ')}
turbotext: ${[...TURBOTEXT_KINDS].join(' ')}
others: ${[...POLL_KINDS].join(' ')}
`;

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  script: { type: 'string' },
  default: { type: 'string' },
  seed: { type: 'string' },
  answer: { type: 'string' },
  'api-key': { type: 'string' },
  cheap: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

interface Started {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

type Start = (values: Values, port: number) => Promise<Started>;

const SIMULATORS: Readonly<Record<SimulatedProvider, Start>> = {
  gemini: starter(GEMINI_KINDS, GEMINI_MOODS, startGeminiSimulator),
  openai: starter(OPENAI_KINDS, OPENAI_MOODS, startOpenAiSimulator),
  turbotext: starter(TURBOTEXT_KINDS, TURBOTEXT_MOODS, startTurbotextSimulator),
  replicate: starter(POLL_KINDS, POLL_MOODS, startReplicateSimulator),
  fal: starter(POLL_KINDS, POLL_MOODS, startFalSimulator),
  bfl: starter(POLL_KINDS, POLL_MOODS, startBflSimulator),
};

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const started = positionals.length === 0 ? await startAll(values) : [await startOne(positionals.join(' '), values)];
  for (const [provider, { url, port }] of started)
    process.stdout.write(`${JSON.stringify({ provider, url, port, pid: process.pid })}\n`);
  const stop = () => Promise.all(started.map(([, simulator]) => simulator.stop()));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
}

async function startOne(name: string, values: Values): Promise<[string, Started]> {
  const provider = SIMULATED_PROVIDERS.find((known) => known === name);
  if (provider === undefined)
    throw new TypeError(`name one provider to simulate, or none: ${SIMULATED_PROVIDERS.join(', ')}`);
  if (values.cheap === true && provider !== 'gemini' && provider !== 'openai')
    throw new TypeError('--cheap is for gemini and openai');
  return [provider, await SIMULATORS[provider](values, portOf(values, 0))];
}

async function startAll(values: Values): Promise<[string, Started][]> {
  const single = (['script', 'default', 'cheap'] as const).find((name) => values[name] !== undefined);
  if (single !== undefined) throw new TypeError(`--${single} is for one provider: name it`);
  const firstPort = portOf(values, SIMULATORS_PORT);
  const started: [string, Started][] = [];
  try {
    for (const [index, provider] of SIMULATED_PROVIDERS.entries())
      started.push([provider, await SIMULATORS[provider](values, firstPort === 0 ? 0 : firstPort + index)]);
    return started;
  } catch (error) {
    await Promise.all(started.map(([, simulator]) => simulator.stop()));
    throw error;
  }
}

/** Everything is read before it listens: a command line that is faulty starts nothing. */
function starter<Kind extends Behaviour>(
  kinds: ReadonlySet<string>,
  moods: readonly Mood<Kind>[],
  start: (options: SimulatorOptions<Kind>) => Promise<Started & { setDefault(behaviour: Kind | (() => Kind)): void }>,
): Start {
  return async (values, port) => {
    const seed = values.seed === undefined ? undefined : wholeNumber('--seed', values.seed, 0xffff_ffff);
    const random = seed === undefined ? undefined : randomBehaviours(moods, seed);
    const otherwise = values.default === undefined ? random : parseBehaviour<Kind>(kinds, values.default);
    const simulator = await start({ ...(await optionsOf<Kind>(values)), port });
    if (otherwise !== undefined) simulator.setDefault(otherwise);
    return simulator;
  };
}

async function optionsOf<Kind>(values: Values) {
  const script: unknown = values.script === undefined ? [] : JSON.parse(values.script);
  if (!Array.isArray(script)) throw new TypeError('--script must be a JSON list');
  return {
    script: script as Kind[],
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.answer === undefined ? {} : { answer: await readFile(values.answer) }),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
    ...(values.cheap === undefined ? {} : { cheap: values.cheap }),
  };
}

const portOf = ({ port }: Values, otherwise: number): number =>
  port === undefined ? otherwise : wholeNumber('--port', port, 65_535);

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > max) throw new TypeError(`${name} must be 0 to ${max}`);
  return value;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nTry --help.\n`);
  process.exitCode = error instanceof TypeError || error instanceof SyntaxError ? 2 : 1;
}
