import type { ProviderInput } from '../provider.ts';
import type { RequestPart } from './write-content.ts';

/** Used when the slot's settings name no model. */
export const MODEL_DEFAULT = 'gemini-3.1-flash-image';

/** One call of `generateContent`, before the key and the address. */
export interface PlannedCall {
  readonly model: string;
  readonly parts: readonly RequestPart[];
  readonly generationConfig: Readonly<Record<string, unknown>>;
}

/** Turns an operation's settings into a call; a text says why it cannot be made. */
export function planCall(input: ProviderInput): PlannedCall | string {
  const { settings } = input;
  const model = typeof settings['model'] === 'string' ? settings['model'] : MODEL_DEFAULT;
  // The older model takes neither HEIC nor a picture size; a request with either is refused.
  const isOlder = model.startsWith('gemini-2.5-flash-image');
  const parts = partsOf(input);
  if (typeof parts === 'string') return parts;
  const refused = parts.find((part) => isOlder && part.kind === 'image' && /hei[cf]$/.test(part.image.mimeType));
  if (refused !== undefined) return `the model ${model} does not take HEIC or HEIF`;
  const imageConfig = {
    ...(typeof settings['aspect_ratio'] === 'string' ? { aspectRatio: settings['aspect_ratio'] } : {}),
    ...(typeof settings['image_size'] === 'string' && !isOlder ? { imageSize: settings['image_size'] } : {}),
  };
  const hasImageConfig = Object.keys(imageConfig).length > 0;
  return {
    model,
    parts,
    generationConfig: { responseModalities: ['IMAGE'], ...(hasImageConfig ? { imageConfig } : {}) },
  };
}

function partsOf(input: ProviderInput): RequestPart[] | string {
  const prompt = input.settings['prompt'];
  if (input.operationId !== 'image_edit') return `the operation ${input.operationId} is not known here`;
  if (typeof prompt !== 'string' || prompt.trim() === '') return 'the settings hold no prompt';
  return [
    { kind: 'text', text: prompt },
    { kind: 'image', image: input.photo },
  ];
}
