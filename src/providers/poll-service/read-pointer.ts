import type { Pointer } from './service-description.ts';

/** The value at a place of a JSON document; undefined where there is none. */
export function readPointer(document: unknown, pointer: Pointer): unknown {
  let value = document;
  for (const token of tokensOf(pointer)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined;
    if (Array.isArray(value) && token === 'length') return undefined;
    value = (value as Readonly<Record<string, unknown>>)[token];
  }
  return value;
}

/** The text at a place; undefined where there is none or an empty one. */
export function readText(document: unknown, pointer: Pointer | undefined): string | undefined {
  const value = pointer === undefined ? undefined : readPointer(document, pointer);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The number at a place, not below zero. */
export function readAmount(document: unknown, pointer: Pointer | undefined): number | undefined {
  const value = pointer === undefined ? undefined : readPointer(document, pointer);
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

/** The key at the end of a pointer, and the key of the object that holds it (empty inside a list). */
export function lastKeys(pointer: Pointer): { readonly objectKey: string; readonly key: string } {
  const tokens = tokensOf(pointer);
  const [objectKey = '', key = ''] = ['', ...tokens].slice(-2);
  return { objectKey: /^\d+$/.test(objectKey) ? '' : objectKey, key };
}

function tokensOf(pointer: Pointer): string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}
