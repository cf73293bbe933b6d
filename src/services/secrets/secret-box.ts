/**
 * Secrets at rest: AES-256-GCM with a random nonce of 96 bits (NIST SP 800-38D, section 8.2.2). The name of a secret and the id of
 * its key are authenticated with it, so that a row that was swapped, renamed or changed in a single bit is not opened.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { MasterKeys } from './master-key.ts';

/** A secret as it is stored. */
export interface SealedSecret {
  /** Which master key opens it. */
  readonly keyId: string;
  /** 12 bytes. */
  readonly nonce: Buffer;
  /** The encrypted text, and behind it the tag of 16 bytes. */
  readonly ciphertext: Buffer;
}

/** Encrypts and opens secrets. */
export interface SecretBox {
  /** Encrypts with the current master key. The same text sealed again looks different. */
  seal(name: string, clear: string): SealedSecret;
  /** @throws SecretFault when the key is not there, or when the secret was not sealed under this name with that key. */
  open(name: string, sealed: SealedSecret): string;
}

/** A stored secret that cannot be opened. Names the secret and its key, never what is in it. */
export class SecretFault extends Error {
  readonly kind: 'missing_key' | 'damaged';
  readonly secretName: string;
  readonly keyId: string;

  constructor(kind: 'missing_key' | 'damaged', secretName: string, keyId: string) {
    super(
      kind === 'missing_key'
        ? `The master key ${keyId}, which encrypted the secret "${secretName}", is not here`
        : `The secret "${secretName}" is damaged, or its row is not the one that was written with the master key ${keyId}`,
    );
    this.name = 'SecretFault';
    this.kind = kind;
    this.secretName = secretName;
    this.keyId = keyId;
  }
}

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A box with these master keys; asked anew at every use, so a key that is added or replaced holds at once. */
export function createSecretBox(keys: MasterKeys): SecretBox {
  return {
    seal(name, clear) {
      const key = keys.current();
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(name, key.id));
      const ciphertext = Buffer.concat([cipher.update(clear, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return { keyId: key.id, nonce, ciphertext };
    },
    open(name, { keyId, nonce, ciphertext }) {
      const key = keys.find(keyId);
      if (key === undefined) throw new SecretFault('missing_key', name, keyId);
      if (nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES) throw new SecretFault('damaged', name, keyId);
      const decipher = createDecipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(name, keyId));
      decipher.setAuthTag(ciphertext.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        // OpenSSL's own error says nothing more
        throw new SecretFault('damaged', name, keyId);
      }
    },
  };
}

const boundTo = (name: string, keyId: string): Buffer =>
  Buffer.from(JSON.stringify(['photochanger secret', 1, name, keyId]));
