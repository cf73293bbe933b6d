/**
 * The log: pino, one JSON object a line, ids and durations as fields. Redaction lives here: a field that could hold a secret or
 * picture bytes is censored by its name wherever it stands, and binary values are replaced by their length.
 */
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

/** The logger that every part gets a child of. */
export type Log = Logger;

const SECRET_NAMES = [
  'password',
  'authorization',
  'api_key',
  'apiKey',
  'token',
  'secret',
  'cookie',
  'x-goog-api-key',
  'DATABASE_URL',
  'connectionString',
];

const paths = SECRET_NAMES.flatMap((name) => {
  const key = /^[A-Za-z_]+$/.test(name) ? name : `["${name}"]`;
  const below = key.startsWith('[') ? key : `.${key}`;
  return [key, `*${below}`, `*.*${below}`];
});

/** Creates the log of a process. @param destination for tests; standard output otherwise. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths, censor: '[redacted]' },
    serializers: { err: (error: unknown) => describeError(error) },
  };
  return destination ? pino(options, destination) : pino(options);
}

interface ErrorFacts {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorFacts;
}

const DEPTH_MAX = 5;
const MESSAGE_LENGTH_MAX = 500;

/** An error with its chain of causes; only known fields, so that nothing a library hangs on its errors can leak. */
function describeError(error: unknown, depth = 0): ErrorFacts {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error).slice(0, MESSAGE_LENGTH_MAX) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: withoutCredentials(error.message).slice(0, MESSAGE_LENGTH_MAX),
    ...(typeof code === 'string' && { code }),
    ...(depth === 0 && error.stack !== undefined && { stack: withoutCredentials(error.stack).slice(0, 4_000) }),
    ...(error.cause !== undefined && depth < DEPTH_MAX && { cause: describeError(error.cause, depth + 1) }),
  };
}

const withoutCredentials = (message: string): string => message.replace(/\/\/[^/\s:@]+:[^/\s@]+@/g, '//[redacted]@');
