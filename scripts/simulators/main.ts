import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Behaviour, parseBehaviour } from './behaviour-script.ts';
import { startBflSimulator } from './bfl.ts';
import { startFalSimulator } from './fal.ts';
import { type GeminiBehaviour, startGeminiSimulator } from './gemini.ts';
import { GEMINI_KINDS } from './gemini-behaviour.ts';
import { type OpenAiBehaviour, startOpenAiSimulator } from './openai.ts';
import { OPENAI_KINDS, OPENAI_MOODS } from './openai-behaviour.ts';
import { POLL_KINDS, POLL_MOODS, type PollBehaviour } from './poll-behaviour.ts';
import { randomBehaviours } from './random-behaviour.ts';
import { startReplicateSimulator } from './replicate.ts';
import { startTurbotextSimulator } from './turbotext.ts';
import { TURBOTEXT_KINDS, TURBOTEXT_MOODS, type TurbotextBehaviour } from './turbotext-behaviour.ts';

/** Services that take a job and are asked for it; their behaviours are one a job. */
const POLL_SIMULATORS = {
  replicate: startReplicateSimulator,
  fal: startFalSimulator,
  bfl: startBflSimulator,
} as const;

const HELP = `Usage: node scripts/simulators/main.ts gemini|openai|turbotext|replicate|fal|bfl [options]

Starts a simulator of an AI provider on this machine, prints one JSON line with its address, and runs until SIGINT or SIGTERM.

  --port <n>          port to listen on (default: a free one)
  --host <address>    address to listen on (default: 127.0.0.1)
  --script <json>     list of behaviours, one a request or job, and rules, e.g.
                      '[{"kind":"no_image"},{"when":{"promptIncludes":"sad"},"behaviour":{"kind":"no_image"}}]'
  --default <b>       behaviour when nothing is planned: a kind, or JSON (default: success)
  --seed <n>          all but gemini: when nothing is planned, behave at random like the real service; the same seed, the same evening
  --answer <file>     picture of every success (default: painted from the photo that was sent)
  --api-key <key>     the only key accepted (default: any)
  --cheap             gemini, openai: do not look at requests; for benchmarks, needs --answer
  --help              this text

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

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const provider = positionals.join(' ');
  const simulator = await start(provider, values);
  process.stdout.write(`${JSON.stringify({ provider, url: simulator.url, port: simulator.port, pid: process.pid })}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.stop());
}

async function start(provider: string, values: Values) {
  const seed = values.seed === undefined ? undefined : wholeNumber('--seed', values.seed, 0xffff_ffff);
  switch (provider) {
    case 'gemini': {
      if (seed !== undefined) throw new TypeError('--seed is not for gemini');
      const otherwise = defaultOf<GeminiBehaviour>(GEMINI_KINDS, values);
      const simulator = await startGeminiSimulator(await optionsOf<GeminiBehaviour>(values));
      if (otherwise !== undefined) simulator.setDefault(otherwise);
      return simulator;
    }
    case 'openai': {
      const random = seed === undefined ? undefined : randomBehaviours(OPENAI_MOODS, seed);
      const otherwise = defaultOf<OpenAiBehaviour>(OPENAI_KINDS, values) ?? random;
      const simulator = await startOpenAiSimulator(await optionsOf<OpenAiBehaviour>(values));
      if (otherwise !== undefined) simulator.setDefault(otherwise);
      return simulator;
    }
    case 'turbotext': {
      if (values.cheap === true) throw new TypeError('--cheap is for gemini and openai');
      const random = seed === undefined ? undefined : randomBehaviours(TURBOTEXT_MOODS, seed);
      const otherwise = defaultOf<TurbotextBehaviour>(TURBOTEXT_KINDS, values) ?? random;
      const simulator = await startTurbotextSimulator(await optionsOf<TurbotextBehaviour>(values));
      if (otherwise !== undefined) simulator.setDefault(otherwise);
      return simulator;
    }
    case 'replicate':
    case 'fal':
    case 'bfl': {
      if (values.cheap === true) throw new TypeError('--cheap is for gemini and openai');
      const random = seed === undefined ? undefined : randomBehaviours(POLL_MOODS, seed);
      const otherwise = defaultOf<PollBehaviour>(POLL_KINDS, values) ?? random;
      const simulator = await POLL_SIMULATORS[provider](await optionsOf<PollBehaviour>(values));
      if (otherwise !== undefined) simulator.setDefault(otherwise);
      return simulator;
    }
    default:
      throw new TypeError('name the provider to simulate: gemini, openai, turbotext, replicate, fal or bfl');
  }
}

/** Read before anything listens: a command line that is faulty starts nothing. */
function defaultOf<Kind extends Behaviour>(kinds: ReadonlySet<string>, values: Values): Kind | undefined {
  return values.default === undefined ? undefined : parseBehaviour<Kind>(kinds, values.default);
}

async function optionsOf<Kind>(values: Values) {
  const script: unknown = values.script === undefined ? [] : JSON.parse(values.script);
  if (!Array.isArray(script)) throw new TypeError('--script must be a JSON list');
  return {
    port: values.port === undefined ? 0 : wholeNumber('--port', values.port, 65_535),
    script: script as Kind[],
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.answer === undefined ? {} : { answer: await readFile(values.answer) }),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
    ...(values.cheap === undefined ? {} : { cheap: values.cheap }),
  };
}

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
