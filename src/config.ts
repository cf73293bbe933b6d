/**
 * The environment, read once. Every variable is described in one table, which the README's table is rendered from; all faults are
 * reported together, and the start stops on any of them.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { rehearsedValues, SIMULATED_PROVIDERS, SIMULATORS_PORT } from './config/rehearsal.ts';
import {
  choice,
  flag,
  integer,
  networks,
  number,
  optional,
  origins,
  secret,
  secretBytes,
  text,
  url,
  type Variable,
} from './config/variables.ts';
import { TOKEN_LIFETIME_SECONDS } from './domain/administrators.ts';
import { RETENTION_HOURS, WINDOW_SECONDS } from './domain/deadlines.ts';

/** The prefix of every variable. */
export const ENVIRONMENT_PREFIX = 'PHOTOCHANGER_';

/** One minute of patience with a window of 48 s: the drain may take as long as the longest held request, and a little more. */
const GRACE_MARGIN_SECONDS = 5;

const VARIABLES = {
  HOST: text('127.0.0.1', 'Address to listen on; `0.0.0.0` lets stations on the network in.'),
  PORT: integer(8080, { min: 0, max: 65_535 }, 'TCP port; 0 picks a free one.'),
  HOME: text(
    './var',
    'Folder of everything the server keeps: the embedded database, pictures, secrets made at the first run.',
  ),
  DATABASE_URL: optional(secret('postgres://… of an external PostgreSQL 18 instead of the embedded one.')),
  DATABASE_POOL_SIZE: integer(10, { min: 2, max: 200 }, 'Connections to the database, besides one that listens.'),
  MEDIA_ROOT: optional(
    text(
      '',
      'Folder of uploads and results. Default: `media` in HOME. Several servers on one database need a shared one.',
    ),
  ),
  MEDIA_FREE_BYTES_MIN: integer(
    1_000_000_000,
    { min: 0, max: 1e15 },
    'Free disk space below which photos are refused, in bytes.',
  ),
  PUBLIC_BASE_URL: optional(url('Address under which guests reach the server. Default: the listening address.')),
  ROLE: choice('all', ['all', 'api', 'worker'], 'What this process does: serve, work, or both.'),
  ADMIN_PASSWORD: optional(
    secret('First password of the administrator `admin`, instead of one made at the first run.', { lengthMin: 12 }),
  ),
  INGEST_PASSWORD: optional(secret('First ingest password, instead of one made at the first run.', { lengthMin: 1 })),
  T_SYNC_RESPONSE_SECONDS: number(
    WINDOW_SECONDS.default,
    { min: 1, max: 600 },
    'How long a station is held at most: 45–60 s. Other values are for tests and benchmarks and are said loudly.',
  ),
  RESULT_RETENTION_HOURS: number(
    RETENTION_HOURS.default,
    { min: RETENTION_HOURS.min, max: RETENTION_HOURS.max },
    'How long results are kept.',
  ),
  QUEUE_MAX_IN_FLIGHT_JOBS: integer(
    64,
    { min: 1, max: 100_000 },
    'Unfinished photos over all slots; one more is answered 429.',
  ),
  WORKER_CONCURRENCY: integer(64, { min: 1, max: 1_000 }, 'Photos that this process works on at once.'),
  UPLOAD_BYTES_MAX: integer(20_000_000, { min: 1_000, max: 200_000_000 }, 'Largest accepted photo, in bytes.'),
  IMAGE_PIXELS_MAX: integer(
    110_000_000,
    { min: 1_000_000, max: 1_000_000_000 },
    'Largest accepted picture, in pixels.',
  ),
  GEMINI_API_KEY: optional(secret('Key of the Gemini API; a key in the settings goes before it.')),
  GEMINI_BASE_URL: url('Address of the Gemini API.', 'https://generativelanguage.googleapis.com'),
  OPENAI_API_KEY: optional(secret('Key of the OpenAI API; a key in the settings goes before it.')),
  OPENAI_BASE_URL: url('Address of the OpenAI API, with or without `/v1`.', 'https://api.openai.com'),
  REPLICATE_API_KEY: optional(secret('Key of the Replicate API; a key in the settings goes before it.')),
  REPLICATE_BASE_URL: url('Address of the Replicate API.', 'https://api.replicate.com'),
  FAL_API_KEY: optional(secret('Key of the fal queue API; a key in the settings goes before it.')),
  FAL_BASE_URL: url('Address of the fal queue API.', 'https://queue.fal.run'),
  BFL_API_KEY: optional(secret('Key of the Black Forest Labs API; a key in the settings goes before it.')),
  BFL_BASE_URL: url('Address of the Black Forest Labs API.', 'https://api.bfl.ai'),
  TURBOTEXT_API_KEY: optional(secret('Key of the Turbotext API; a key in the settings goes before it.')),
  TURBOTEXT_BASE_URL: url('Address of the Turbotext API, with or without `/api_ai`.', 'https://www.turbotext.ru'),
  REHEARSAL: flag(
    'Rehearse: every provider is the simulator on this machine (`npm run simulators`), no key is used, nothing is billed, and everything is kept in `rehearsal` below HOME.',
  ),
  SIMULATORS_PORT: integer(
    SIMULATORS_PORT,
    { min: 1, max: 65_536 - SIMULATED_PROVIDERS.length },
    'Port of the first simulator; the others follow it.',
  ),
  WEBHOOK_ALLOWED_ORIGINS: origins(
    'Origins that webhooks may call although they are not `https`, name a port or are not public, such as `http://10.0.0.5:8090`, separated by commas. A rehearsal calls nothing but those of this machine.',
  ),
  TRUSTED_PROXIES: networks(
    'Addresses or networks (CIDR) whose `X-Forwarded-For` counts, separated by commas. Default: none.',
  ),
  JWT_SECRET: optional(
    secret('Key that signs access tokens. Default: one made at the first run, kept encrypted in the database.', {
      lengthMin: 32,
    }),
  ),
  JWT_ACCESS_TTL_SECONDS: integer(
    TOKEN_LIFETIME_SECONDS.default,
    { min: TOKEN_LIFETIME_SECONDS.min, max: TOKEN_LIFETIME_SECONDS.max },
    'Lifetime of access tokens, in seconds.',
  ),
  SETTINGS_MASTER_KEY: optional(
    secretBytes('Key that encrypts secrets in the database. Default: one made at the first run, kept in HOME.', 32),
  ),
  SETTINGS_MASTER_KEY_PREVIOUS: optional(
    secretBytes(
      'Key that opens secrets until `npm run admin -- secrets rotate` has encrypted them with the current one.',
      32,
    ),
  ),
  METRICS_TOKEN: optional(
    secret('Bearer token for `/metrics`; without it that address answers 401 to everyone.', { lengthMin: 16 }),
  ),
  METRICS_PORT: optional(
    integer(
      0,
      { min: 0, max: 65_535 },
      'TCP port of a listener that serves `/metrics` alone, without a token; 0 picks a free one. Default: no such listener.',
    ),
  ),
  METRICS_HOST: text('127.0.0.1', 'Address of that listener. Who reaches it reads all metrics.'),
  LOG_LEVEL: choice(
    'info',
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'Least important log lines to write.',
  ),
  SHUTDOWN_GRACE_SECONDS: optional(
    integer(0, { min: 0, max: 660 }, 'How long a stopping server lets photos finish. Default: the window + 5.'),
  ),
  LEASE_SECONDS: integer(
    15,
    { min: 2, max: 120 },
    'How long a worker may be silent before its photos go to another one.',
  ),
} as const satisfies Record<string, Variable<unknown>>;

type Values = {
  readonly [Name in keyof typeof VARIABLES]: (typeof VARIABLES)[Name] extends Variable<infer Value> ? Value : never;
};

/** The frozen configuration of a process. Paths are absolute. */
export interface Config {
  readonly values: Values;
  /** The variables (without prefix) that the environment sets. */
  readonly given: ReadonlySet<string>;
  /** Whether everything is played against simulators; see {@link rehearsedValues}. */
  readonly isRehearsal: boolean;
  /** Below HOME in a rehearsal. */
  readonly homePath: string;
  readonly mediaRoot: string;
  readonly windowMs: number;
  readonly shutdownGraceMs: number;
  readonly leaseMs: number;
  readonly cores: number;
}

/** Everything that is wrong with the environment, one line per variable. */
export class ConfigError extends Error {
  constructor(faults: readonly string[]) {
    super(`The environment is not usable:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads and checks the environment.
 *
 * @throws ConfigError naming every faulty variable.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const faults: string[] = [];
  const values = Object.fromEntries(
    Object.entries(VARIABLES).map(([name, variable]) => {
      const raw = environment[ENVIRONMENT_PREFIX + name];
      const parsed = raw === undefined || raw === '' ? { value: variable.initial } : variable.parse(raw);
      if ('fault' in parsed) faults.push(`${ENVIRONMENT_PREFIX}${name} ${parsed.fault}`);
      return [name, 'fault' in parsed ? variable.initial : parsed.value];
    }),
  ) as unknown as Values;
  for (const name of Object.keys(environment)) {
    const short = name.slice(ENVIRONMENT_PREFIX.length);
    if (name.startsWith(ENVIRONMENT_PREFIX) && !Object.hasOwn(VARIABLES, short))
      faults.push(`${name} is not a variable of this server; see the README for the list`);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  const given = Object.keys(VARIABLES).filter((name) => (environment[ENVIRONMENT_PREFIX + name] ?? '') !== '');
  return Object.freeze(derive(values, new Set(given)));
}

function derive(read: Values, given: ReadonlySet<string>): Config {
  const isRehearsal = read.REHEARSAL;
  const values: Values = isRehearsal ? { ...read, ...rehearsedValues(read.SIMULATORS_PORT) } : read;
  const homePath = isRehearsal ? resolve(values.HOME, 'rehearsal') : resolve(values.HOME);
  const windowMs = values.T_SYNC_RESPONSE_SECONDS * 1000;
  return {
    values: Object.freeze(values),
    given,
    isRehearsal,
    homePath,
    mediaRoot: resolve(values.MEDIA_ROOT ?? resolve(homePath, 'media')),
    windowMs,
    shutdownGraceMs:
      values.SHUTDOWN_GRACE_SECONDS === undefined
        ? windowMs + GRACE_MARGIN_SECONDS * 1000
        : values.SHUTDOWN_GRACE_SECONDS * 1000,
    leaseMs: values.LEASE_SECONDS * 1000,
    cores: availableParallelism(),
  };
}

/** The README's table of variables. */
export function renderEnvironmentTable(): string {
  const rows = Object.entries(VARIABLES).map(
    ([name, variable]) =>
      `| \`${ENVIRONMENT_PREFIX}${name}\` | ${variable.shown} | ${variable.bounds} | ${variable.about} |`,
  );
  return ['| variable | default | values | meaning |', '|---|---|---|---|', ...rows].join('\n');
}
