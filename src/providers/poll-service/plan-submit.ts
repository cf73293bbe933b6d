import { randomUUID } from 'node:crypto';
import type { ProviderInput, SourceImage } from '../provider.ts';
import type { RequestContent } from '../request-body.ts';
import type { BodyTemplate, DescribedOperation, PollServiceDescription } from './service-description.ts';

/** A job to be submitted, before the key and the base address. */
export interface PlannedSubmit {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: RequestContent;
}

/** The setting key of template pictures. */
const TEMPLATES = 'template_media_ids';

/** Looks a setting up: as the slot has it, else the operation's default. */
type Lookup = (name: string) => unknown;

/** Writes an operation's settings and its pictures into its template; a text says why the job cannot be submitted. */
export function planSubmit(
  { operations, limits }: Pick<PollServiceDescription, 'operations' | 'limits'>,
  input: ProviderInput,
): PlannedSubmit | string {
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
  const pictures = [input.photo, ...(input.references.get(TEMPLATES) ?? [])];
  const fault = picturesFault(limits, pictures);
  if (fault !== undefined) return fault;
  const content = fillBody(operation, lookup, pictures);
  return typeof content === 'string' ? content : { path, headers: operation.headers ?? {}, content };
}

function picturesFault(
  { mimeTypes, inputBytesMax, referencesMax }: PollServiceDescription['limits'],
  pictures: readonly SourceImage[],
): string | undefined {
  if (pictures.length > referencesMax + 1) return `more than ${referencesMax} template pictures`;
  const refused = pictures.find(({ mimeType }) => !mimeTypes.includes(mimeType));
  if (refused !== undefined) return `the service does not take ${refused.mimeType}`;
  // They travel in one request.
  const sizeBytes = pictures.reduce((sum, picture) => sum + picture.sizeBytes, 0);
  if (sizeBytes <= inputBytesMax) return undefined;
  return `the photo${pictures.length > 1 ? ' and the templates are' : ' is'} larger than ${inputBytesMax} bytes`;
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

/**
 * Each picture is a word nobody else can have written until the text is made; there it is cut out, for the picture to be read from
 * disk. A text says why no body can be made.
 */
function fillBody(
  { body }: DescribedOperation,
  lookup: Lookup,
  pictures: readonly SourceImage[],
): RequestContent | string {
  const words = pictures.map(() => randomUUID() as string);
  const shapes = pictures.map(({ mimeType }, index) => {
    const base64 = String(words[index]);
    return { base64, data_uri: `data:${mimeType};base64,${base64}` };
  });
  const filling: Filling = { lookup, pictures: shapes, fault: undefined };
  const text = JSON.stringify(fill(body, filling));
  if (filling.fault !== undefined) return filling.fault;
  const segments = text
    .split(new RegExp(`(${words.join('|')})`))
    .map((piece) => pictures[words.indexOf(piece)] ?? piece);
  return { segments, images: 'base64' };
}

interface Filling {
  readonly lookup: Lookup;
  readonly pictures: readonly Readonly<Record<'base64' | 'data_uri', string>>[];
  fault: string | undefined;
}

function fill(template: BodyTemplate, filling: Filling): unknown {
  if (Array.isArray(template)) return template.map((item) => fill(item, filling)).filter((item) => item !== undefined);
  if (typeof template !== 'object' || template === null) return template;
  const record = template as Readonly<Record<string, BodyTemplate>>;
  if ('$setting' in record) return filling.lookup(String(record['$setting']));
  const { $photo, $pictures, $template, as } = record;
  const shape = ($photo ?? $pictures ?? as) === 'base64' ? 'base64' : 'data_uri';
  if ($photo !== undefined) return filling.pictures[0]?.[shape];
  if ($pictures !== undefined) return filling.pictures.map((picture) => picture[shape]);
  if ($template !== undefined) return filling.pictures[Number($template)]?.[shape];
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => fillEntry(key, fill(value, filling), filling)),
  );
}

function fillEntry(template: string, value: unknown, filling: Filling): [key: string, value: unknown] {
  const name = /^\{([a-z_]+)\}$/.exec(template)?.[1];
  if (name === undefined) return [template, value];
  const key = String(filling.lookup(name) ?? name);
  const values = Array.isArray(value) ? value : [value];
  if (key.endsWith('[]')) return [key.slice(0, -2), values];
  if (values.length > 1)
    filling.fault = `the input ${key} takes one picture: templates need a list, whose name ends in []`;
  return [key, values[0]];
}
