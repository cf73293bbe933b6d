import type { ProviderInput, SourceImage } from '../provider.ts';
import { GEMINI_DESCRIPTION, MODEL_DEFAULT } from './description.ts';
import type { RequestPart } from './write-content.ts';

/** One call of `generateContent`, before the key and the address. */
export interface PlannedCall {
  readonly model: string;
  readonly parts: readonly RequestPart[];
  readonly generationConfig: Readonly<Record<string, unknown>>;
}

/** Turns an operation's settings into a call; a text says why it cannot be made. */
export function planCall(input: ProviderInput): PlannedCall | string {
  const { settings } = input;
  const images = imagesOf(input);
  if (typeof images === 'string') return images;
  const prompt = settings['prompt'];
  if (typeof prompt !== 'string' || prompt.trim() === '') return 'the settings hold no prompt';
  const model = typeof settings['model'] === 'string' ? settings['model'] : MODEL_DEFAULT;
  // The older model takes neither HEIC nor a picture size; a request with either is refused.
  const isOlder = model.startsWith('gemini-2.5-flash-image');
  if (isOlder && images.some(({ mimeType }) => /hei[cf]$/.test(mimeType)))
    return `the model ${model} does not take HEIC or HEIF`;
  const imageConfig = {
    ...(typeof settings['aspect_ratio'] === 'string' ? { aspectRatio: settings['aspect_ratio'] } : {}),
    ...(typeof settings['image_size'] === 'string' && !isOlder ? { imageSize: settings['image_size'] } : {}),
  };
  const hasImageConfig = Object.keys(imageConfig).length > 0;
  return {
    model,
    parts: [{ kind: 'text', text: prompt }, ...images.map((image) => ({ kind: 'image', image }) as const)],
    generationConfig: { responseModalities: ['IMAGE'], ...(hasImageConfig ? { imageConfig } : {}) },
  };
}

/** The images of an operation in the order they are sent, which is what a prompt can call them by: the first, the second. */
function imagesOf({ operationId, settings, photo, references }: ProviderInput): readonly SourceImage[] | string {
  /** The template that the settings name under the key; the photo where they name none. */
  const pictureOf = (key: string): SourceImage | undefined =>
    [undefined, 'ingest'].includes(settings[key] as string) ? photo : references.get(key)?.[0];
  switch (operationId) {
    case 'image_edit': {
      const templates = references.get('template_media_ids') ?? [];
      const { referencesMax } = GEMINI_DESCRIPTION;
      return templates.length > referencesMax ? `more than ${referencesMax} template pictures` : [photo, ...templates];
    }
    case 'style_transfer': {
      const style = references.get('style_media_id')?.[0];
      return style === undefined ? 'the settings name no style picture' : [photo, style];
    }
    case 'identity_transfer': {
      const base = pictureOf('base_media_id');
      const overlay = pictureOf('overlay_media_id');
      if (base === undefined || overlay === undefined) return 'a template picture that the settings name is not there';
      return base === overlay ? 'only one of base and overlay can be the photo' : [base, overlay];
    }
    default:
      return `the operation ${operationId} is not known here`;
  }
}
