/**
 * Template pictures: permanent reference images, each bound to one setting key of one slot. A slot's settings name a template by
 * its id; the word `ingest`, or no value at all, stands for the photo that was just received.
 */
import { FINISH_FRAME_KEY } from './output-wish.ts';

/** Every setting key that can name templates. The schemas of the providers' settings use no other. */
export const TEMPLATE_KEYS = [
  'base_media_id',
  'face_media_id',
  'finish_frame_media_id',
  'overlay_media_id',
  'source_media_id',
  'style_media_id',
  'subject_media_id',
  'target_media_id',
  'template_media_ids',
  'watermark_media_id',
] as const;

/** A setting key that can name templates. */
export type TemplateKey = (typeof TEMPLATE_KEYS)[number];

/** The most templates of a key that takes several; no model of any provider takes more reference images in one call. */
export const TEMPLATES_PER_LIST_MAX = 15;

/** The longest label, in characters. */
export const LABEL_LENGTH_MAX = 100;

/** Stands for the photo in a setting that could name a template. */
const PHOTO = 'ingest';

/** Whether settings can name templates under this key. */
export const isTemplateKey = (key: string): key is TemplateKey => (TEMPLATE_KEYS as readonly string[]).includes(key);

/** Whether the key takes several templates, in an order that counts. */
export const isListKey = (key: TemplateKey): boolean => key.endsWith('_ids');

/** Who looks at a template, which decides what it is for. */
interface TemplateReader {
  readonly providerId: string;
  readonly operationId: string;
}

/**
 * Whether only a picture with transparency makes sense: one that is laid over the photo would hide it otherwise. Overlays of AI
 * providers are shown to a model and may be any picture.
 *
 * @param reader left out: whoever it is.
 */
export const needsTransparency = (key: TemplateKey, reader?: TemplateReader): boolean =>
  key === FINISH_FRAME_KEY ||
  (key === 'overlay_media_id' && reader?.providerId === 'studio' && reader.operationId === 'frame');

/** One place of a slot's settings that names a template. */
export interface TemplateName {
  readonly key: TemplateKey;
  /** What stands there; a faulty setting may be no text at all. */
  readonly value: unknown;
  /** Where, relative to the settings (RFC 6901). */
  readonly pointer: string;
}

/** Settings as a slot or a job holds them. */
type Settings = Readonly<Record<string, unknown>>;

/** Every place of the settings that names a template and not the photo, in the order of the settings. */
export function namedTemplates(settings: Settings): TemplateName[] {
  return Object.entries(settings).flatMap(([key, setting]) => {
    if (!isTemplateKey(key)) return [];
    if (!Array.isArray(setting)) return setting === PHOTO ? [] : [{ key, value: setting, pointer: `/${key}` }];
    return setting
      .map((value: unknown, index) => ({ key, value, pointer: `/${key}/${index}` }))
      .filter(({ value }) => value !== PHOTO);
  });
}

/** Whether the settings name the template under the key. */
export const namesTemplate = (settings: Settings, key: TemplateKey, id: string): boolean =>
  namedTemplates(settings).some((name) => name.key === key && name.value === id);

/** The settings with another template in the place of one, or, without `nextId`, with none. Of a list nothing else is touched. */
export function withTemplate(settings: Settings, key: TemplateKey, id: string, nextId?: string): Settings {
  const { [key]: setting, ...others } = settings;
  const put = nextId === undefined ? [] : [nextId];
  const left = (Array.isArray(setting) ? setting : [setting]).flatMap((value: unknown) =>
    value === id ? put : [value],
  );
  if (left.length === 0) return others;
  return { ...settings, [key]: Array.isArray(setting) ? left : left[0] };
}

/** A template as a job carries it: everything that a worker needs, whatever becomes of the slot. */
export interface TemplateCopy {
  readonly id: string;
  /** Relative to the media root. */
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The templates of a job by setting key; a list where the key takes several, in the order of the settings. */
export type JobTemplates = Readonly<Record<string, TemplateCopy | readonly TemplateCopy[]>>;

/**
 * What a job's snapshot holds of the templates that its settings name.
 *
 * @returns undefined where they name none that was found.
 */
export function jobTemplates(
  settings: Settings,
  found: readonly (TemplateCopy & { readonly key: string })[],
): JobTemplates | undefined {
  const templates: Record<string, TemplateCopy | TemplateCopy[]> = {};
  for (const { key, value } of namedTemplates(settings)) {
    const match = found.find((template) => template.key === key && template.id === value);
    if (match === undefined) continue;
    const { key: _, ...copy } = match;
    const earlier = templates[key];
    if (!isListKey(key)) templates[key] = copy;
    else templates[key] = [...(Array.isArray(earlier) ? earlier : []), copy];
  }
  return Object.keys(templates).length > 0 ? templates : undefined;
}
