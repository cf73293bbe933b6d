import { expect, test } from 'vitest';
import {
  createMasterKey,
  formatMasterKey,
  type MasterKey,
  makeMasterKey,
  parseMasterKey,
} from '../../src/services/secrets/master-key.ts';
import { createSecretBox, type SealedSecret, SecretFault } from '../../src/services/secrets/secret-box.ts';

const NAME = 'provider-key:gemini';
const CLEAR = 'AIzaSyTest-0123456789_abcdefghijklmnop';

const boxOf = (current: MasterKey, ...older: MasterKey[]) =>
  createSecretBox({ current: () => current, find: (id) => [current, ...older].find((key) => key.id === id) });

const key = makeMasterKey();
const box = boxOf(key);

function faultOf(open: () => string): SecretFault {
  try {
    open();
  } catch (error) {
    expect(error).toBeInstanceOf(SecretFault);
    return error as SecretFault;
  }
  throw new Error('it was opened');
}

test('what was sealed is opened again, whatever the text', () => {
  for (const clear of [CLEAR, 'ß€🙂\u0000\n', 'x'.repeat(5_000)])
    expect(box.open(NAME, box.seal(NAME, clear))).toBe(clear);
});

test('the same text sealed again looks different, and shows nothing of the text', () => {
  const [first, second] = [box.seal(NAME, CLEAR), box.seal(NAME, CLEAR)];
  expect(first.nonce).toHaveLength(12);
  expect(first.nonce.equals(second.nonce)).toBe(false);
  expect(first.ciphertext.equals(second.ciphertext)).toBe(false);
  expect(first.ciphertext).toHaveLength(Buffer.byteLength(CLEAR) + 16);
  expect(first.ciphertext.includes('AIza')).toBe(false);
});

test('a flipped bit anywhere is noticed', () => {
  const sealed = box.seal(NAME, CLEAR);
  const flip = (bytes: Buffer, at: number) => Buffer.from(bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)));
  const damaged: SealedSecret[] = [
    ...Array.from(sealed.ciphertext.keys(), (at) => ({ ...sealed, ciphertext: flip(sealed.ciphertext, at) })),
    ...Array.from(sealed.nonce.keys(), (at) => ({ ...sealed, nonce: flip(sealed.nonce, at) })),
    { ...sealed, ciphertext: sealed.ciphertext.subarray(0, -1) },
    { ...sealed, ciphertext: sealed.ciphertext.subarray(0, 10) },
    { ...sealed, nonce: sealed.nonce.subarray(0, 8) },
  ];
  for (const secret of damaged) expect(faultOf(() => box.open(NAME, secret)).kind).toBe('damaged');
});

test('a secret does not open under another name: rows cannot be exchanged', () => {
  expect(faultOf(() => box.open('provider-key:openai', box.seal(NAME, CLEAR))).kind).toBe('damaged');
});

test('a secret does not open with another key, under its id neither', () => {
  const other = makeMasterKey();
  const sealed = box.seal(NAME, CLEAR);
  expect(faultOf(() => boxOf(other).open(NAME, sealed))).toMatchObject({ kind: 'missing_key', keyId: key.id });
  const impostor = boxOf({ id: key.id, bytes: other.bytes });
  expect(faultOf(() => impostor.open(NAME, sealed)).kind).toBe('damaged');
  // the key's id is bound, too: both rows of one key under two ids would otherwise be interchangeable
  const alias = boxOf({ id: other.id, bytes: key.bytes });
  expect(faultOf(() => alias.open(NAME, { ...sealed, keyId: other.id })).kind).toBe('damaged');
});

test('an older key still opens, and the current one seals', () => {
  const current = makeMasterKey();
  const both = boxOf(current, key);
  expect(both.open(NAME, box.seal(NAME, CLEAR))).toBe(CLEAR);
  expect(both.seal(NAME, CLEAR).keyId).toBe(current.id);
});

test('a fault names the secret and the key, and repeats neither text nor key', () => {
  const sealed = box.seal(NAME, CLEAR);
  for (const fault of [
    faultOf(() => boxOf(makeMasterKey()).open(NAME, sealed)),
    faultOf(() => box.open('other', sealed)),
  ]) {
    expect(fault.message).toContain(key.id);
    expect(JSON.stringify([fault.message, fault.stack, { ...fault }])).not.toContain(formatMasterKey(key));
    expect(fault.cause).toBeUndefined();
  }
});

test('a master key is 32 bytes of base64 or base64url, and nothing else', () => {
  const text = formatMasterKey(key);
  expect(parseMasterKey(text)).toEqual(key);
  expect(parseMasterKey(text.replace(/=$/, ''))).toEqual(key);
  expect(parseMasterKey(key.bytes.toString('base64url'))).toEqual(key);
  for (const bad of [
    '',
    text.slice(4),
    `${text}AAAA`,
    key.bytes.toString('hex'),
    `${text.slice(0, 20)} ${text.slice(20)}`,
  ])
    expect(parseMasterKey(bad), bad).toBeUndefined();
  expect(() => createMasterKey(Buffer.alloc(16))).toThrow(RangeError);
});

test('the id of a key tells keys apart and is the same for the same key', () => {
  expect(key.id).toMatch(/^[0-9a-f]{16}$/);
  expect(createMasterKey(Buffer.from(key.bytes)).id).toBe(key.id);
  expect(makeMasterKey().id).not.toBe(key.id);
});
