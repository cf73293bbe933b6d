import { createHash, randomBytes } from 'node:crypto';

/** A key that encrypts secrets. */
export interface MasterKey {
  /** 16 hex digits, made from the key: two keys never share one, and it tells nothing about its key. */
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Buffer;
}

/** The master keys of this process. */
export interface MasterKeys {
  /** The key that encrypts from now on. */
  current(): MasterKey;
  /** The key of this id; undefined when it is not here. */
  find(id: string): MasterKey | undefined;
}

const KEY_BYTES = 32;
const ID_LENGTH = 16;
const BASE64 = /^[A-Za-z0-9+/_-]{43}={0,2}$/;

/** @throws RangeError when there are not 32 bytes. */
export function createMasterKey(bytes: Buffer): MasterKey {
  if (bytes.length !== KEY_BYTES) throw new RangeError(`a master key has ${KEY_BYTES} bytes`);
  const id = createHash('sha256')
    .update('photochanger master key id\0')
    .update(bytes)
    .digest('hex')
    .slice(0, ID_LENGTH);
  return { id, bytes };
}

/** A new random key. */
export const makeMasterKey = (): MasterKey => createMasterKey(randomBytes(KEY_BYTES));

/** Reads a key from base64 or base64url; undefined when the text is not exactly 32 bytes of it. */
export const parseMasterKey = (text: string): MasterKey | undefined =>
  BASE64.test(text) ? createMasterKey(Buffer.from(text, 'base64')) : undefined;

/** The key as text, for the environment and the key file. */
export const formatMasterKey = (key: MasterKey): string => key.bytes.toString('base64');
