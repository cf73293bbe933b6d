import type { ProviderInput, SourceImage } from '../provider.ts';
import { TURBOTEXT_DESCRIPTION } from './description.ts';

/** The method of each operation: the last part of its path. */
const METHODS = {
  image_edit: 'generate_image2image',
  style_transfer: 'mix_images',
  identity_transfer: 'deepfake_photo',
} as const;

/** A method of the API. */
export type TurbotextMethod = (typeof METHODS)[keyof typeof METHODS];

/** One job, before the key, the address and the links to its images. */
export interface PlannedCall {
  readonly method: TurbotextMethod;
  /** By the field that takes the image's URL. */
  readonly images: ReadonlyMap<string, SourceImage>;
  /** The other fields, in the order they are sent. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Whether a text names a method of the API. */
export const isMethod = (text: string): text is TurbotextMethod => (Object.values(METHODS) as string[]).includes(text);

/** Turns an operation's settings into a job; a text says why it cannot be submitted. */
export function planCall(input: ProviderInput): PlannedCall | string {
  switch (input.operationId) {
    case 'image_edit':
      return planEdit(input);
    case 'style_transfer':
      return planStyle(input);
    case 'identity_transfer':
      return planIdentity(input);
    default:
      return `the operation ${input.operationId} is not known here`;
  }
}

function planEdit({ photo, settings }: ProviderInput): PlannedCall | string {
  const prompt = textOf(settings['prompt']);
  if (prompt === undefined) return 'the settings hold no prompt';
  return checked({
    method: METHODS.image_edit,
    images: new Map([['url', photo]]),
    fields: given([
      ['content', prompt],
      ['strength', textOf(settings['strength'])],
      ['seed', textOf(settings['seed'])],
      ['scale', textOf(settings['scale'])],
      ['negative_prompt', textOf(settings['negative_prompt'])],
      ['original_language', textOf(settings['original_language'])],
    ]),
  });
}

function planStyle({ photo, settings, references }: ProviderInput): PlannedCall | string {
  const style = references.get('style_media_id')?.[0];
  if (style === undefined) return 'the settings name no style picture';
  return checked({
    method: METHODS.style_transfer,
    images: new Map([
      ['url_image_target', photo],
      ['url', style],
    ]),
    fields: given([['content', textOf(settings['prompt'])]]),
  });
}

function planIdentity({ photo, settings, references }: ProviderInput): PlannedCall | string {
  const person = (references.get('base_media_id') ?? references.get('subject_media_id'))?.[0] ?? photo;
  const face = references.get('face_media_id')?.[0] ?? photo;
  if ((person === photo) === (face === photo))
    return 'one of person and face has to be the photo, the other a template';
  const restore = { true: 'True', false: 'False' }[String(settings['face_restore'])];
  return checked({
    method: METHODS.identity_transfer,
    images: new Map([
      ['url', person],
      ['url_image_target', face],
    ]),
    fields: given([['face_restore', restore]]),
  });
}

function checked(call: PlannedCall): PlannedCall | string {
  const { mimeTypes, inputBytesMax } = TURBOTEXT_DESCRIPTION;
  for (const { mimeType, sizeBytes } of call.images.values()) {
    if (!mimeTypes.includes(mimeType)) return `the service does not take ${mimeType}`;
    if (sizeBytes > inputBytesMax) return `the photo, or a template, is larger than ${inputBytesMax} bytes`;
  }
  return call;
}

const given = (fields: readonly (readonly [string, string | undefined])[]): ReadonlyMap<string, string> =>
  new Map(fields.filter((field): field is [string, string] => field[1] !== undefined));

function textOf(setting: unknown): string | undefined {
  const text = typeof setting === 'string' || typeof setting === 'number' ? String(setting) : '';
  return text.trim() === '' ? undefined : text;
}
