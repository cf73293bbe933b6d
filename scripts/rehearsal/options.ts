import { parseArgs } from 'node:util';
import { PHOTO_NUMBER_MAX } from './photo-number.ts';

/** What a rehearsal was asked for. */
export interface RehearsalOptions {
  readonly seed: number;
  readonly photos: number;
  /** How long the photos of one run keep coming. */
  readonly minutes: number;
  readonly windowSeconds: number;
  /** In their order. */
  readonly halves: readonly ('without' | 'with')[];
  readonly isMild: boolean;
  /** In percent; undefined: the usual bar with fallback chains, and none without. */
  readonly picturesMin: number | undefined;
  readonly isJson: boolean;
  readonly serverLog: string | undefined;
}

/** What a slot with a fallback chain has to bring, in percent. */
export const PICTURES_MIN = 99.5;

/** The command line makes no sense. */
export class UsageError extends Error {}

const HELP = `npm run rehearsal -- [options]

A scripted bad morning: photos over 15 slots of Gemini, OpenAI, Turbotext, Replicate, fal and Black Forest Labs, all of them
simulated on this machine. Of a hundred calls 15 bring no image, 5 an error, 3 never an answer and 2 a cut connection; OpenAI is
down for a third of the morning, and for a fifth of it Gemini answers 429, with and without saying how long to wait. The morning
is played twice from one seed, without fallback chains and with them, each against a server of its own (PHOTOCHANGER_REHEARSAL=1,
a throw-away home with an embedded PostgreSQL). Nothing leaves the machine, nothing is billed.

  --seed <n>           1; another seed, another morning
  --photos <n>         500
  --minutes <n>        1.6; how long the photos of one run keep coming (the last one may take a window more)
  --window <s>         48; how long a station is held at most
  --only <half>        with or without fallback chains; default: both
  --mild               no hangs, nobody down, no 429, less of the rest: a look whether everything works
  --pictures-min <%>   pictures that have to come in the window; default: ${PICTURES_MIN} with fallback chains, any number without
  --json               the figures as JSON on standard output
  --server-log <file>  keep what the servers log
  --help               this text

Exits with 0 when every bar is met, with 1 when one is missed, and with 2 when it could not be played. The bars: pictures in the
window (with fallback), no double charge, no answer taken after its window, no file left, nothing left unfinished. Stations
measure the time, the simulated services count their own calls by a number in each photo, database and disk are read afterwards:
the server's word is not taken.

The same seed sends the same photos to the same slots at the same times, and the n-th call of a photo at a service meets the same
fault. What can differ: how long this machine takes; which calls fall into the stretches of time in which a service is down or
answers 429, and so how many calls there are; chance in the server's pauses between attempts. On a machine that others keep busy an
answer may cross with the server's giving up: services book it as handed over, so a second call counts as paid twice. The report
says how busy others were.
`;

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  photos: { type: 'string', default: '500' },
  minutes: { type: 'string', default: '1.6' },
  window: { type: 'string', default: '48' },
  only: { type: 'string' },
  mild: { type: 'boolean', default: false },
  'pictures-min': { type: 'string' },
  json: { type: 'boolean', default: false },
  'server-log': { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Reads the command line; a text is what was asked for instead of a rehearsal. @throws UsageError */
export function readOptions(args: readonly string[]): RehearsalOptions | string {
  const { values } = parse(args);
  if (values.help) return HELP;
  const { only } = values;
  if (only !== undefined && only !== 'with' && only !== 'without')
    throw new UsageError('--only takes with or without.');
  return {
    seed: numberOf('--seed', values.seed, { min: 0, max: 0xffff_ffff, isWhole: true }),
    photos: numberOf('--photos', values.photos, { min: 1, max: PHOTO_NUMBER_MAX, isWhole: true }),
    minutes: numberOf('--minutes', values.minutes, { min: 0.01, max: 600 }),
    windowSeconds: numberOf('--window', values.window, { min: 1, max: 600 }),
    halves: only === undefined ? ['without', 'with'] : [only],
    isMild: values.mild,
    picturesMin:
      values['pictures-min'] === undefined
        ? undefined
        : numberOf('--pictures-min', values['pictures-min'], { min: 0, max: 100 }),
    isJson: values.json,
    serverLog: values['server-log'],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly isWhole?: boolean;
}

function numberOf(name: string, text: string, { min, max, isWhole = false }: Bounds): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max) || (isWhole && !Number.isInteger(value)))
    throw new UsageError(
      `${name} takes a ${isWhole ? 'whole number' : 'number'} from ${min} to ${max}, not "${text.slice(0, 40)}".`,
    );
  return value;
}
