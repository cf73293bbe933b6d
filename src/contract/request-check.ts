/** Checks a request against its operation and turns the texts of its parameters into values. */
import type { RequestValidators } from '../../generated/validators.js';
import type { FieldFault } from '../domain/errors.ts';
import { isJsonType, withoutParameters } from './content-type.ts';
import { FAULTS_MAX, findFaults, toPointer } from './field-faults.ts';
import type { OperationParameter, OperationRow, ParameterType } from './operation-table.ts';

/** Texts by name, as Node gives headers and queries: a name that came several times has a list. */
export type TextFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request as it arrived. Header names are in lower case. */
export interface RawRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: TextFields;
  readonly headers: TextFields;
  /** The parsed JSON, or the text fields of a form; `undefined` when there is no body or it has not been read yet. */
  readonly body?: unknown;
}

/** The checked parts. Parameters carry the names of the contract and have its types; only declared headers are there. */
export interface CheckedRequest {
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** What became of the check: the request with values of the contract's types, or every fault. */
export type RequestCheck =
  | { readonly ok: true; readonly request: CheckedRequest }
  | { readonly ok: false; readonly faults: readonly FieldFault[] };

type Fields = Record<string, unknown>;

const NONE: Readonly<Fields> = Object.freeze(Object.create(null));

/** What {@link checkRequest} needs to know of an operation, computed once. */
export interface RequestRules {
  readonly row: OperationRow;
  readonly validators: RequestValidators;
  readonly typedParams: readonly OperationParameter[];
  readonly query: ReadonlyMap<string, OperationParameter>;
  readonly headers: readonly { readonly name: string; readonly lowerName: string; readonly type: ParameterType }[];
  /** Whether a missing body is a fault; a form's is not, because whoever handles it reads it. */
  readonly bodyIsJson: boolean;
}

/** Computes the rules of an operation from its row and its generated validators. */
export function makeRequestRules(row: OperationRow, validators: RequestValidators): RequestRules {
  const inPlace = (place: OperationParameter['in']) => row.parameters.filter((parameter) => parameter.in === place);
  return {
    row,
    validators,
    typedParams: inPlace('path').filter(({ type }) => type !== 'string'),
    query: new Map(inPlace('query').map((parameter) => [parameter.name, parameter])),
    headers: inPlace('header').map(({ name, type }) => ({ name, lowerName: name.toLowerCase(), type })),
    bodyIsJson: row.requestContentTypes.length > 0 && row.requestContentTypes.every(isJsonType),
  };
}

/**
 * All faults are found at once, at most {@link FAULTS_MAX}. A body is checked by the rules of its content type when it is given;
 * whether the content type itself is acceptable was decided before the body was read.
 *
 * A number is what JSON calls a number (no `0x10`, no spaces, no empty text); a boolean is `true` or `false`.
 */
export function checkRequest(rules: RequestRules, raw: RawRequest): RequestCheck {
  const faults: FieldFault[] = [];
  const params = rules.typedParams.length === 0 ? raw.params : convertParams(rules, raw.params);
  const query = readQuery(rules, raw.query, faults);
  const headers = readHeaders(rules, raw.headers);
  const { validators } = rules;
  if (validators.params !== undefined) faults.push(...findFaults(validators.params, params, '/params'));
  if (validators.query !== undefined) faults.push(...findFaults(validators.query, query, '/query'));
  if (validators.headers !== undefined) faults.push(...findFaults(validators.headers, headers, '/headers'));
  checkBody(rules, raw, faults);
  if (faults.length > 0) return { ok: false, faults: faults.slice(0, FAULTS_MAX) };
  return { ok: true, request: { params, query, headers, body: raw.body } };
}

function checkBody({ row, validators, bodyIsJson }: RequestRules, raw: RawRequest, faults: FieldFault[]): void {
  if (raw.body === undefined) {
    if (bodyIsJson && row.requestBodyRequired)
      faults.push({ pointer: '/body', message: 'is required', keyword: 'required' });
    return;
  }
  if (validators.bodies === undefined) return;
  const header = raw.headers['content-type'];
  const type = typeof header === 'string' ? withoutParameters(header) : '';
  const validate = Object.hasOwn(validators.bodies, type) ? validators.bodies[type] : undefined;
  if (validate !== undefined) faults.push(...findFaults(validate, raw.body, '/body'));
  else if (!row.requestContentTypes.includes(type)) {
    faults.push({ pointer: '/headers/content-type', message: 'is not a declared content type', keyword: 'content' });
  }
}

function convertParams(rules: RequestRules, params: Readonly<Record<string, string>>): Readonly<Fields> {
  const converted: Fields = { ...params };
  for (const { name, type } of rules.typedParams) converted[name] = convert(params[name], type);
  return converted;
}

function readQuery({ row, query: declared }: RequestRules, query: TextFields, faults: FieldFault[]): Readonly<Fields> {
  if (declared.size === 0 && row.unknownQuery === 'ignore') return NONE;
  // Without a prototype a parameter named `__proto__` is a name like any other.
  const values: Fields = Object.create(null);
  for (const name of Object.keys(query)) {
    const parameter = declared.get(name);
    if (parameter !== undefined) {
      values[name] = convert(query[name], parameter.type);
      if (holdsNul(query[name])) faults.push({ pointer: toPointer('query', name), message: NO_NUL, keyword: 'text' });
    } else if (row.unknownQuery === 'keep') values[name] = query[name];
    else if (row.unknownQuery === 'refuse') {
      faults.push({ pointer: toPointer('query', name), message: 'is not known', keyword: 'additionalProperties' });
    }
  }
  return values;
}

/** PostgreSQL keeps no U+0000 in a text, and says so with an error when it is asked for one. */
const NO_NUL = 'must not contain U+0000';
const holdsNul = (value: string | readonly string[] | undefined): boolean =>
  typeof value === 'string' ? value.includes('\0') : (value?.some((text) => text.includes('\0')) ?? false);

function readHeaders({ headers: declared }: RequestRules, headers: TextFields): Readonly<Fields> {
  if (declared.length === 0) return NONE;
  const values: Fields = {};
  for (const { name, lowerName, type } of declared) {
    const value = headers[lowerName];
    if (value !== undefined) values[name] = convert(typeof value === 'string' ? value : value.join(', '), type);
  }
  return values;
}

/** What is not a text of the type stays as it is, so that the validator names the fault. */
function convert(value: string | readonly string[] | undefined, type: ParameterType): unknown {
  if (type === 'array') return typeof value === 'string' ? [value] : value;
  if (typeof value !== 'string') return value;
  switch (type) {
    case 'integer':
    case 'number':
      return /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(value) ? Number(value) : value;
    case 'boolean':
      return value === 'true' || value === 'false' ? value === 'true' : value;
    default:
      return value;
  }
}
