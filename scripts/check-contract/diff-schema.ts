/**
 * Compares two JSON Schemas keyword by keyword.
 *
 * The direction decides what a change means. What a client sends may become freer but not narrower; what a client receives may
 * become narrower but not freer. A change that is neither, or that cannot be told, is breaking both ways.
 */
import type { JsonSchema } from '../../src/contract/openapi-document.ts';
import { canonical, compareNamed, type Difference, isSame, type Level } from './difference.ts';

/** Who sends the value: `request` the client, `response` the server. */
export type Direction = 'request' | 'response';

type Change = 'narrower' | 'wider' | 'other';
type Report = (change: Change, message: string) => Difference;
type Subschema = JsonSchema | boolean;

const UPPER_BOUNDS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties', 'maxContains'];
/** With the value that each has when it is not there. */
const LOWER_BOUNDS = {
  minimum: Number.NEGATIVE_INFINITY,
  exclusiveMinimum: Number.NEGATIVE_INFINITY,
  minLength: 0,
  minItems: 0,
  minProperties: 0,
  minContains: 1,
};
const RESTRICTIONS = ['pattern', 'format', 'multipleOf', 'uniqueItems', 'contentEncoding', 'contentMediaType'];
const OPEN_UNLESS_SAID = [
  'additionalProperties',
  'unevaluatedProperties',
  'items',
  'unevaluatedItems',
  'contains',
  'propertyNames',
];
const WORDS = ['$comment', 'description', 'example', 'examples', 'externalDocs', 'title'];
const HANDLED = new Set([
  ...UPPER_BOUNDS,
  ...Object.keys(LOWER_BOUNDS),
  ...RESTRICTIONS,
  ...OPEN_UNLESS_SAID,
  ...WORDS,
  ...[
    'allOf',
    'anyOf',
    'const',
    'default',
    'deprecated',
    'enum',
    'oneOf',
    'patternProperties',
    'properties',
    'required',
    'type',
  ],
  'x-extensible-enum',
]);

/** @param where names the schema in the differences. Both schemas must have their references inlined. */
export function diffSchemas(before: JsonSchema, after: JsonSchema, direction: Direction, where: string): Difference[] {
  const report: Report = (change, message) => ({ level: levelOf(change, direction), where, message });
  const deeper = (was: JsonSchema, is: JsonSchema, place: string) =>
    diffSchemas(was, is, direction, `${where}${place}`);
  return [
    ...diffTypes(before, after, report),
    ...diffValues(before, after, report),
    ...diffBounds(before, after, report),
    ...RESTRICTIONS.flatMap((keyword) => diffRestriction(before[keyword], after[keyword], keyword, report)),
    ...diffRequired(before, after, report),
    ...diffProperties(before, after, direction, where),
    ...OPEN_UNLESS_SAID.flatMap((keyword) => diffOpen(before[keyword], after[keyword], keyword, report, deeper)),
    ...diffBranches(before, after, report, deeper),
    ...diffNotes(before, after, direction, where),
    ...diffRest(before, after, report),
  ];
}

function levelOf(change: Change, direction: Direction): Level {
  return change === (direction === 'request' ? 'wider' : 'narrower') ? 'additive' : 'breaking';
}

function diffTypes(before: JsonSchema, after: JsonSchema, report: Report): Difference[] {
  return diffSets(typesOf(before), typesOf(after), 'type', report);
}

function typesOf(schema: JsonSchema): string[] | undefined {
  if (schema['type'] === undefined) return undefined;
  const types = [schema['type']].flat() as string[];
  return types.includes('number') ? [...types, 'integer'] : types;
}

function diffValues(before: JsonSchema, after: JsonSchema, report: Report): Difference[] {
  const published = (schema: JsonSchema) => ((schema['x-extensible-enum'] ?? []) as unknown[]).map(canonical);
  const [was, is] = [published(before), published(after)];
  const open: Difference[] = [
    ...was.filter((value) => !is.includes(value)).map((value) => report('other', `no longer lists ${value}`)),
    ...is
      .filter((value) => !was.includes(value))
      .map((value) => ({ ...report('other', `lists ${value}`), level: 'additive' as const })),
  ];
  return [...diffSets(valuesOf(before), valuesOf(after), 'values', report), ...open];
}

function valuesOf(schema: JsonSchema): string[] | undefined {
  const list = 'const' in schema ? [schema['const']] : (schema['enum'] as unknown[] | undefined);
  return list?.map(canonical);
}

/** A list that is not there allows everything. */
function diffSets(
  before: string[] | undefined,
  after: string[] | undefined,
  name: string,
  report: Report,
): Difference[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return [report('narrower', `${name} limited to ${after?.join(', ')}`)];
  if (after === undefined) return [report('wider', `${name} no longer limited`)];
  const removed = before.filter((value) => !after.includes(value));
  const added = after.filter((value) => !before.includes(value));
  if (removed.length > 0 && added.length > 0)
    return [report('other', `${name} ${before.join(', ')} became ${after.join(', ')}`)];
  if (removed.length > 0) return [report('narrower', `${name} without ${removed.join(', ')}`)];
  return added.length > 0 ? [report('wider', `${name} with ${added.join(', ')}`)] : [];
}

function diffBounds(before: JsonSchema, after: JsonSchema, report: Report): Difference[] {
  const differences: Difference[] = [];
  const compare = (keyword: string, unset: number, sign: 1 | -1) => {
    const was = (before[keyword] as number | undefined) ?? unset;
    const is = (after[keyword] as number | undefined) ?? unset;
    if (was !== is)
      differences.push(
        report(sign * (is - was) < 0 ? 'narrower' : 'wider', `${keyword} ${bound(was)} became ${bound(is)}`),
      );
  };
  for (const keyword of UPPER_BOUNDS) compare(keyword, Number.POSITIVE_INFINITY, 1);
  for (const [keyword, unset] of Object.entries(LOWER_BOUNDS)) compare(keyword, unset, -1);
  return differences;
}

function bound(value: number): string {
  return Number.isFinite(value) ? String(value) : 'unlimited';
}

function diffRestriction(was: unknown, is: unknown, keyword: string, report: Report): Difference[] {
  const [before, after] = [was === false ? undefined : was, is === false ? undefined : is];
  if (isSame(before, after)) return [];
  if (before === undefined) return [report('narrower', `${keyword} ${String(after)} added`)];
  if (after === undefined) return [report('wider', `${keyword} ${String(before)} removed`)];
  return [report('other', `${keyword} ${String(before)} became ${String(after)}`)];
}

function diffRequired(before: JsonSchema, after: JsonSchema, report: Report): Difference[] {
  const names = (schema: JsonSchema) => (schema['required'] ?? []) as readonly string[];
  return [
    ...names(after)
      .filter((name) => !names(before).includes(name))
      .map((name) => report('narrower', `${name} became required`)),
    ...names(before)
      .filter((name) => !names(after).includes(name))
      .map((name) => report('wider', `${name} is no longer required`)),
  ];
}

function diffProperties(before: JsonSchema, after: JsonSchema, direction: Direction, where: string): Difference[] {
  const named = (schema: JsonSchema, keyword: string) => (schema[keyword] ?? {}) as Record<string, JsonSchema>;
  const properties = compareNamed(named(before, 'properties'), named(after, 'properties'), {
    removed: (name) => [{ level: 'breaking', where, message: `${name} removed` }],
    added: (name) => [{ level: 'additive', where, message: `${name} added` }],
    kept: (name, was, is) => diffSchemas(was, is, direction, `${where}/${name}`),
  });
  const patterns = compareNamed(named(before, 'patternProperties'), named(after, 'patternProperties'), {
    removed: (name) => [{ level: levelOf('wider', direction), where, message: `rule for ${name} removed` }],
    added: (name) => [{ level: levelOf('narrower', direction), where, message: `rule for ${name} added` }],
    kept: (name, was, is) => diffSchemas(was, is, direction, `${where}/${name}`),
  });
  return [...properties, ...patterns];
}

function diffOpen(
  was: unknown,
  is: unknown,
  keyword: string,
  report: Report,
  deeper: (was: JsonSchema, is: JsonSchema, place: string) => Difference[],
): Difference[] {
  const [before, after] = [(was ?? true) as Subschema, (is ?? true) as Subschema];
  if (isSame(before, after)) return [];
  const isOpen = (value: Subschema) => value === true || isSame(value, {});
  if (typeof before === 'object' && typeof after === 'object') return deeper(before, after, `/${keyword}`);
  if (isOpen(before) && isOpen(after)) return [];
  if (before === false || isOpen(after)) return [report('wider', `${keyword} allows more`)];
  return [report('narrower', `${keyword} allows less`)];
}

function diffBranches(
  before: JsonSchema,
  after: JsonSchema,
  report: Report,
  deeper: (was: JsonSchema, is: JsonSchema, place: string) => Difference[],
): Difference[] {
  return ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => {
    const was = (before[keyword] ?? []) as JsonSchema[];
    const is = (after[keyword] ?? []) as JsonSchema[];
    const gone = was.filter((branch) => !is.some((other) => isSame(branch, other)));
    const come = is.filter((branch) => !was.some((other) => isSame(branch, other)));
    const pairs = gone
      .slice(0, come.length)
      .flatMap((branch, at) => deeper(branch, come[at] as JsonSchema, `/${keyword}`));
    // A further alternative allows more, a further condition less; the first alternative is a condition, too.
    const alternatives = keyword !== 'allOf' && was.length > 0 && is.length > 0;
    if (come.length > gone.length)
      pairs.push(report(alternatives ? 'wider' : 'narrower', `${keyword} has a further branch`));
    if (gone.length > come.length)
      pairs.push(report(alternatives ? 'narrower' : 'wider', `${keyword} has a branch less`));
    return pairs;
  });
}

function diffNotes(before: JsonSchema, after: JsonSchema, direction: Direction, where: string): Difference[] {
  const differences: Difference[] = [];
  const note = (level: Level, message: string) => differences.push({ level, where, message });
  if (!isSame(before['default'], after['default'])) {
    const forSenders = before['default'] === undefined ? 'additive' : 'breaking';
    note(
      direction === 'response' ? 'wording' : forSenders,
      `default ${canonical(before['default'])} became ${canonical(after['default'])}`,
    );
  }
  if ((before['deprecated'] ?? false) !== (after['deprecated'] ?? false)) note('additive', 'deprecation changed');
  const keywords = new Set([...Object.keys(before), ...Object.keys(after)]);
  const words = [...keywords].filter(
    (keyword) => WORDS.includes(keyword) || (keyword.startsWith('x-') && keyword !== 'x-extensible-enum'),
  );
  for (const word of words) if (!isSame(before[word], after[word])) note('wording', `${word} changed`);
  return differences;
}

function diffRest(before: JsonSchema, after: JsonSchema, report: Report): Difference[] {
  const keywords = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keywords]
    .filter((keyword) => !HANDLED.has(keyword) && !keyword.startsWith('x-') && !isSame(before[keyword], after[keyword]))
    .map((keyword) => report('other', `${keyword} changed`));
}
