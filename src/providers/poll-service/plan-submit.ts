import { randomUUID } from 'node:crypto';
import type { ProviderInput, SourceImage } from '../provider.ts';
import type { RequestContent } from '../request-body.ts';
import type { BodyTemplate, DescribedOperation } from './service-description.ts';

/** A job to be submitted, before the key and the base address. */
export interface PlannedSubmit {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: RequestContent;
}

/** Looks a setting up: as the slot has it, else the operation's default. */
type Lookup = (name: string) => unknown;

/** Writes an operation's settings and the photo into its template; a text says why the job cannot be submitted. */
export function planSubmit(operations: readonly DescribedOperation[], input: ProviderInput): PlannedSubmit | string {
  const operation = operations.find(({ id }) => id === input.operationId);
  if (operation === undefined) return `the operation ${input.operationId} is not known here`;
  const lookup: Lookup = (name) => {
    const { settings } = input;
    return Object.hasOwn(settings, name) ? settings[name] : operation.defaults[name];
  };
  const missing = operation.needs.find((name) => String(lookup(name) ?? '').trim() === '');
  if (missing !== undefined) return `the settings hold no ${missing}`;
  const path = fillPath(operation.path, lookup);
  if (path === undefined) return 'the settings do not make an address';
  return { path, headers: operation.headers ?? {}, content: fillBody(operation.body, lookup, input.photo) };
}

/** A setting may bring slashes into a path, never a way up. */
function fillPath(template: string, lookup: Lookup): string | undefined {
  const segments = template
    .replaceAll(/\{([a-z_]+)\}/g, (_, name: string) => String(lookup(name) ?? ''))
    .split('/')
    .slice(1);
  if (segments.some((segment) => /^\.{0,2}$/.test(segment))) return undefined;
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/** The photo is a word nobody else can have written until the text is made; there it is cut out, for the photo to be read from disk. */
function fillBody(template: BodyTemplate, lookup: Lookup, photo: SourceImage): RequestContent {
  const word = randomUUID();
  const text = JSON.stringify(
    fill(template, lookup, { base64: word, data_uri: `data:${photo.mimeType};base64,${word}` }),
  );
  const segments = text.split(word).flatMap((piece, index) => (index === 0 ? [piece] : [photo, piece]));
  return { segments, images: 'base64' };
}

type PhotoWords = Readonly<Record<'base64' | 'data_uri', string>>;

function fill(template: BodyTemplate, lookup: Lookup, photo: PhotoWords): unknown {
  if (Array.isArray(template))
    return template.map((item) => fill(item, lookup, photo)).filter((item) => item !== undefined);
  if (typeof template !== 'object' || template === null) return template;
  const record = template as Readonly<Record<string, BodyTemplate>>;
  if ('$setting' in record) return lookup(String(record['$setting']));
  if ('$photo' in record) return photo[record['$photo'] === 'base64' ? 'base64' : 'data_uri'];
  const entries = Object.entries(record).map(([key, value]) => fillEntry(key, fill(value, lookup, photo), lookup));
  return Object.fromEntries(entries);
}

function fillEntry(template: string, value: unknown, lookup: Lookup): [key: string, value: unknown] {
  const name = /^\{([a-z_]+)\}$/.exec(template)?.[1];
  if (name === undefined) return [template, value];
  const key = String(lookup(name) ?? name);
  return key.endsWith('[]') ? [key.slice(0, -2), [value]] : [key, value];
}
