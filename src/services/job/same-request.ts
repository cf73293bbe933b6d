/** What makes two requests of stations the same one. */
import { hash } from 'node:crypto';

/** How the queue finds an earlier request that this one repeats. */
export interface SameRequest {
  /** SHA-256: 32 bytes. */
  readonly requestHash: Buffer;
  /** The client's own name for the request, within the slot. */
  readonly idempotencyKey?: string;
  /** Whether it joins the running job of an equal request, although it has no key. */
  readonly joinsRunning: boolean;
}

/** What arrived. */
export interface RequestContent {
  readonly slotId: string;
  /** Of the photo, in hex. */
  readonly sha256: string;
  /** All text fields of the form but the password, whole. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** All tokens of the URL but those that only say how to answer. */
  readonly tokens: readonly (readonly [name: string, value: string | readonly string[] | undefined])[];
}

/** What tells the shots of a camera apart; without either, two guests may well send the same picture by hand. */
const SHOT_FIELDS: readonly string[] = ['id', 'time'];

/**
 * Undefined for a request that can be no repetition: it has neither a key nor a field that says which shot it is. The order of fields
 * and tokens makes no difference.
 */
export function sameRequestOf(content: RequestContent, idempotencyKey: string | undefined): SameRequest | undefined {
  const { slotId, sha256, fields, tokens } = content;
  const namesShot = fields.some(([name, value]) => value !== '' && SHOT_FIELDS.includes(name));
  if (idempotencyKey === undefined && !namesShot) return undefined;
  const text = JSON.stringify([slotId, sha256, fields.toSorted(byName), tokens.toSorted(byName)]);
  const requestHash = hash('sha256', text, 'buffer');
  if (idempotencyKey === undefined) return { requestHash, joinsRunning: true };
  return { requestHash, idempotencyKey, joinsRunning: false };
}

/** Names occur once. */
const byName = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number =>
  left < right ? -1 : 1;
