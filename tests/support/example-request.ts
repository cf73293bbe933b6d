/** Requests made of the contract's own examples: what its readers would send first. */
import { readFileSync } from 'node:fs';
import { OPERATIONS, type OperationId } from '../../generated/operations.ts';
import {
  listOperations,
  type MediaTypeObject,
  type OpenApiDocument,
  type ParameterObject,
  type RequestBodyObject,
  resolveReference,
} from '../../src/contract/openapi-document.ts';
import { BOUNDARY, type FormPart, formBytes } from './form.ts';
import type { HttpRequest } from './http.ts';

const contract = JSON.parse(
  readFileSync(new URL('../../generated/openapi.json', import.meta.url), 'utf8'),
) as OpenApiDocument;
const found = new Map(listOperations(contract).map((entry) => [entry.operation.operationId, entry]));

/** Every operation of the contract. */
export const OPERATION_IDS = Object.keys(OPERATIONS) as OperationId[];

/** A request, and where it goes below the server's address. */
export type ExampleRequest = HttpRequest & { readonly path: string };

/** What differs from the example. */
export interface Deviations {
  /** By the names of the contract, not yet encoded. */
  readonly params?: Readonly<Record<string, string>>;
  /** Added to the query. */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The first example of everything that an operation requires, its body included where it takes one. */
export function exampleRequest(operationId: OperationId, deviations: Deviations = {}): ExampleRequest {
  const entry = found.get(operationId);
  if (entry === undefined) throw new Error(`the contract has ${operationId}`);
  const given = (place: ParameterObject['in']) =>
    entry.parameters.filter((parameter) => parameter.in === place && (parameter.required ?? false));
  const values = new Map(given('path').map((parameter) => [parameter.name, String(exampleOf(parameter))]));
  for (const [name, value] of Object.entries(deviations.params ?? {})) values.set(name, value);
  const path = entry.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(values.get(name) ?? ''));
  const query = new URLSearchParams([
    ...given('query').map((parameter): [string, string] => [parameter.name, String(exampleOf(parameter))]),
    ...Object.entries(deviations.query ?? {}),
  ]);
  const body = entry.operation.requestBody && bodyOf(resolveReference(contract, entry.operation.requestBody));
  return {
    path: query.size === 0 ? path : `${path}?${query}`,
    method: entry.method,
    headers: {
      ...Object.fromEntries(given('header').map((parameter) => [parameter.name, String(exampleOf(parameter))])),
      ...(body !== undefined && { 'Content-Type': body.type, 'Content-Length': String(body.bytes.length) }),
      ...deviations.headers,
    },
    ...(body !== undefined && { body: body.bytes }),
  };
}

function exampleOf(media: ParameterObject | MediaTypeObject): unknown {
  const { example, examples } = media as MediaTypeObject;
  return example ?? Object.values(examples ?? {})[0]?.value;
}

function bodyOf({ content }: RequestBodyObject): { type: string; bytes: Buffer } | undefined {
  const [type, media] = Object.entries(content)[0] ?? [];
  if (type === undefined || media === undefined) return undefined;
  const value = exampleOf(media);
  if (type !== 'multipart/form-data') return { type, bytes: Buffer.from(JSON.stringify(value)) };
  const parts = Object.entries(value as Record<string, unknown>).map(
    ([name, text]): FormPart =>
      isFile(media, name)
        ? { name, fileName: 'IMG_0003.JPG', bytes: Buffer.from(String(text)) }
        : { name, value: String(text) },
  );
  return { type: `${type}; boundary=${BOUNDARY}`, bytes: formBytes(parts) };
}

function isFile({ schema = {} }: MediaTypeObject, name: string): boolean {
  const { properties } = resolveReference<{ properties?: Record<string, { format?: unknown }> }>(contract, schema);
  return properties?.[name]?.format === 'binary';
}
