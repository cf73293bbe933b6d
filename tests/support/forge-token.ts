/** Tokens as an attacker makes them: every byte by hand, nothing checked. */
import { createHmac } from 'node:crypto';

export type JsonObject = Readonly<Record<string, unknown>>;

/** A token taken apart. */
export interface TokenParts {
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

const encode = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (text = ''): JsonObject => JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));

/** Takes a token apart. */
export function readParts(token: string): TokenParts {
  const [header, payload] = token.split('.');
  return { header: decode(header), payload: decode(payload) };
}

/** A token of these parts, signed by HMAC. @param hash `sha256` for HS256. */
export function signByHand({ header, payload }: TokenParts, key: string | Uint8Array, hash = 'sha256'): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
}

/** A token of these parts with this signature. */
export const assemble = ({ header, payload }: TokenParts, signature: string): string =>
  `${encode(header)}.${encode(payload)}.${signature}`;
