/**
 * The log: pino, one JSON object a line, ids and durations as fields. Redaction lives here and looks at every value: a field
 * that could hold a secret is censored by its name however deep it stands, binary values are replaced by their length, errors
 * are told by what is known of them, and addresses lose their user and password.
 */
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

/** What parts of the server may do with the log. There is no `child`: pino would write its fields without looking at them. */
export type Log = Pick<Logger, 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'>;

const SECRET_NAME = /password|authorization|cookie|api[-_]?key|token|secret|database_url|connectionstring/i;
const CENSORED = '[redacted]';
const DEPTH_MAX = 8;
const TEXT_LENGTH_MAX = 2_000;
const STACK_LENGTH_MAX = 4_000;

/**
 * Creates the log of a process.
 *
 * @param destination for tests; standard output otherwise.
 * @param marks what every line says.
 */
export function createLog(
  level: string,
  destination?: DestinationStream,
  marks: Readonly<Record<string, boolean>> = {},
): Log {
  const options: LoggerOptions = {
    level,
    base: { ...marks },
    timestamp,
    formatters: { level: (label) => ({ level: label }), bindings: cleanFields, log: cleanFields },
    serializers: { err: (facts: unknown) => facts },
    hooks: {
      // without a message pino would take the error's own, as it is
      logMethod(parameters, method) {
        const [first, message, ...rest] = parameters as unknown as [unknown, string | undefined, ...unknown[]];
        if (message !== undefined && !(first instanceof Error)) return method.apply(this, parameters);
        const fields = first instanceof Error ? { err: first } : first;
        const isBare = message === undefined && typeof fields === 'object' && fields !== null && 'err' in fields;
        method.apply(this, [fields, isBare ? 'error' : message, ...rest] as unknown as Parameters<typeof method>);
      },
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

let secondNow = Number.NaN;
let secondText = '';

/** Milliseconds alone change from line to line: making the whole text anew was 2 % of a small request's CPU time. */
function timestamp(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== secondNow) {
    secondNow = second;
    secondText = `,"time":"${new Date(now).toISOString().slice(0, -'000Z'.length)}`;
  }
  return `${secondText}${String(now % 1000).padStart(3, '0')}Z"`;
}

/** Most lines hold nothing that has to be hidden; a copy of such a line would be 4 % of a small request's CPU time. */
function cleanFields(fields: object): Record<string, unknown> {
  const members = fields as Record<string, unknown>;
  return Object.keys(members).every((name) => isClean(name, members[name])) ? members : cleanMembers(members, 0);
}

function isClean(name: string, value: unknown): boolean {
  if (isSecretName(name)) return false;
  if (typeof value === 'string') return value.length <= TEXT_LENGTH_MAX && !value.includes('@');
  return typeof value !== 'object' || value === null;
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return withoutCredentials(value).slice(0, TEXT_LENGTH_MAX);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH_MAX) return '[deeper]';
  if (value instanceof Error) return errorFacts(value, depth);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  return cleanMembers(value as Readonly<Record<string, unknown>>, depth);
}

function cleanMembers(members: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const cleaned: Record<string, unknown> = {};
  for (const name of Object.keys(members)) {
    const item = members[name];
    // nobody names a field so, and it would not become one
    if (item === undefined || name === '__proto__') continue;
    cleaned[name] = isSecretName(name) ? CENSORED : clean(item, depth + 1);
  }
  return cleaned;
}

/** Names come from code, all but a few: those of what a provider or a client sent could be any number. */
const NAMES_KEPT_MAX = 1_000;
const judgedNames = new Map<string, boolean>();

function isSecretName(name: string): boolean {
  const judged = judgedNames.get(name);
  if (judged !== undefined) return judged;
  const isSecret = SECRET_NAME.test(name);
  if (judgedNames.size < NAMES_KEPT_MAX) judgedNames.set(name, isSecret);
  return isSecret;
}

/** Only known fields, so that nothing a library hangs on its errors can leak; the stack of the outermost only. */
function errorFacts(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: clean(error.message, depth),
    ...(typeof code === 'string' && { code }),
    ...(depth <= 1 && { stack: withoutCredentials(error.stack ?? '').slice(0, STACK_LENGTH_MAX) }),
    ...(error.cause !== undefined && { cause: clean(error.cause, depth + 2) }),
  };
}

const withoutCredentials = (text: string): string =>
  text.includes('@') ? text.replace(/(:\/\/)[^\s/]*@/g, `$1${CENSORED}@`) : text;
