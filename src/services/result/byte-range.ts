/** What part of a file a `Range` header asks for (RFC 9110, section 14). */
export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly offset: number; readonly sizeBytes: number }
  | { readonly kind: 'unsatisfiable' };

const ONE_RANGE = /^bytes= *(\d*)-(\d*) *$/i;

/** Reads one range; several ranges, other units and malformed headers mean the whole file, as the RFC allows. */
export function readRange(header: string | undefined, sizeBytes: number): RangeAnswer {
  const [, first, last] = ONE_RANGE.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return { kind: 'whole' };
  if (first === '') return part(Math.max(0, sizeBytes - Number(last)), sizeBytes - 1, sizeBytes);
  if (last !== '' && Number(last) < Number(first)) return { kind: 'whole' };
  return part(Number(first), last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1), sizeBytes);
}

function part(first: number, last: number, sizeBytes: number): RangeAnswer {
  if (first >= sizeBytes || last < first) return { kind: 'unsatisfiable' };
  return { kind: 'part', offset: first, sizeBytes: last - first + 1 };
}
