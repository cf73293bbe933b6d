/** Content negotiation by `Accept` (RFC 9110, section 12.5.1). */
import { DomainError } from '../domain/errors.ts';

interface MediaRange {
  readonly type: string;
  readonly weight: number;
}

const RANGE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/;

/**
 * The offered type that the client likes best; of several equally liked ones the first. Without `Accept`, or with one that names
 * nothing, that is the first of all.
 *
 * @param offered in lower case, without parameters; parameters of what the client names are not looked at.
 * @returns undefined when the client takes none of them: 406.
 */
export function chooseAcceptedType<Type extends string>(
  accept: string | undefined,
  offered: readonly [Type, ...Type[]],
): Type | undefined {
  const ranges = (accept ?? '').split(',').flatMap(parseRange);
  if (ranges.length === 0) return offered[0];
  const liked = offered.map((type) => ({ type, weight: weightOf(type, ranges) }));
  const best = liked.reduce((left, right) => (right.weight > left.weight ? right : left));
  return best.weight > 0 ? best.type : undefined;
}

/**
 * In which form a table is answered: as the parameter `format` says, else as `Accept` says.
 *
 * @throws DomainError `not_acceptable`.
 */
export function chooseTableType(
  format: 'json' | 'csv' | undefined,
  accept: string | undefined,
): 'application/json' | 'text/csv' {
  if (format !== undefined) return format === 'csv' ? 'text/csv' : 'application/json';
  const type = chooseAcceptedType(accept, ['application/json', 'text/csv']);
  if (type === undefined) throw new DomainError('not_acceptable', 'The answer is application/json or text/csv.');
  return type;
}

function parseRange(text: string): MediaRange[] {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  if (!RANGE.test(type)) return [];
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? [{ type, weight: Number(weight) }] : [];
}

/** The most specific range decides, also where it says no. */
function weightOf(type: string, ranges: readonly MediaRange[]): number {
  const candidates = [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*'];
  for (const candidate of candidates) {
    const weights = ranges.filter((range) => range.type === candidate).map(({ weight }) => weight);
    if (weights.length > 0) return Math.max(...weights);
  }
  return 0;
}
