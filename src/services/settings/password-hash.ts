/**
 * Argon2id hashes in the PHC string format (RFC 9106; parameters of OWASP's password storage cheat sheet: 19 MiB, 2 passes,
 * 1 lane). Hashing shares libuv's threads with files and pictures, so only a few run at once: a flood of passwords must not
 * starve ingest.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';

const PARAMETERS = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
const SALT_BYTES = 16;
const AT_ONCE = 2;

/** What a hash may ask for: RFC 9106's least, and a ceiling so that a planted hash cannot take the machine down. */
const BOUNDS = {
  memory: [8, 1_048_576],
  passes: [1, 16],
  parallelism: [1, 16],
  saltBytesMin: 8,
  tagBytes: [12, 64],
} as const;

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

let running = 0;
const queue: (() => void)[] = [];

async function derive(
  password: string,
  salt: Buffer,
  parameters: { memory: number; passes: number; parallelism: number; tagLength: number },
) {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
  else running += 1;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      argon2('argon2id', { message: password, nonce: salt, ...parameters }, (error, tag) =>
        error ? reject(error) : resolve(tag),
      );
    });
  } finally {
    const next = queue.shift();
    if (next) next();
    else running -= 1;
  }
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

function format(salt: string, tag: string): string {
  const { memory, passes, parallelism } = PARAMETERS;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${salt}$${tag}`;
}

/** Hashes a password with a fresh salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await derive(password, salt, PARAMETERS);
  return format(base64(salt), base64(tag));
}

/** Whether the password belongs to the hash. A malformed hash fits nothing. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const parts = PHC.exec(hash);
  if (parts === null) return false;
  const [, memory, passes, parallelism, salt, tag] = parts as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const expected = Buffer.from(tag, 'base64');
  const nonce = Buffer.from(salt, 'base64');
  const parameters = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.length,
  };
  if (!areUsable(parameters, nonce.length)) return false;
  const actual = await derive(password, nonce, parameters);
  return timingSafeEqual(actual, expected);
}

const decoy = {
  salt: base64(randomBytes(SALT_BYTES)),
  tag: base64(randomBytes(PARAMETERS.tagLength)),
};

/** A hash that no password is known to fit; proving a password against it costs what proving against a new one does. */
export const DECOY_HASH = format(decoy.salt, decoy.tag);

/** Whether a hash is weaker than one made now would be. */
export function needsRehash(hash: string): boolean {
  const parts = PHC.exec(hash);
  if (parts === null) return true;
  const [, memory, passes, parallelism, salt = '', tag = ''] = parts;
  return (
    Number(memory) < PARAMETERS.memory ||
    Number(passes) < PARAMETERS.passes ||
    Number(parallelism) < PARAMETERS.parallelism ||
    Buffer.from(salt, 'base64').length < SALT_BYTES ||
    Buffer.from(tag, 'base64').length < PARAMETERS.tagLength
  );
}

interface Parameters {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly tagLength: number;
}

const isWithin = (value: number, [min, max]: readonly [number, number]): boolean => value >= min && value <= max;

const areUsable = (parameters: Parameters, saltBytes: number): boolean =>
  isWithin(parameters.parallelism, BOUNDS.parallelism) &&
  isWithin(parameters.memory, [BOUNDS.memory[0] * parameters.parallelism, BOUNDS.memory[1]]) &&
  isWithin(parameters.passes, BOUNDS.passes) &&
  isWithin(parameters.tagLength, BOUNDS.tagBytes) &&
  saltBytes >= BOUNDS.saltBytesMin;
