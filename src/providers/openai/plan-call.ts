import type { ProviderInput, SourceImage } from '../provider.ts';
import { MODEL_DEFAULT, OPENAI_DESCRIPTION } from './description.ts';
import { sizeFault } from './picture-size.ts';

/** The setting key of template images. */
const TEMPLATES = 'template_media_ids';

/** One call of `images/edits`, before the key and the address. */
export interface PlannedCall {
  readonly model: string;
  /** Text fields of the form, in the order they are sent. */
  readonly fields: ReadonlyMap<string, string>;
  /** The photo first: the model takes it as what is edited, and the others as what it is edited by. */
  readonly images: readonly SourceImage[];
}

/** Turns an operation's settings into a call; a text says why it cannot be made. */
export function planCall(input: ProviderInput): PlannedCall | string {
  const { settings, operationId } = input;
  if (operationId !== 'image_edit') return `the operation ${operationId} is not known here`;
  const prompt = textOf(settings, 'prompt');
  if (prompt === undefined) return 'the settings hold no prompt';
  const images = [input.photo, ...(input.references.get(TEMPLATES) ?? [])];
  const fault = imagesFault(images) ?? sizeFault(textOf(settings, 'size') ?? 'auto');
  if (fault !== undefined) return fault;
  const model = textOf(settings, 'model') ?? MODEL_DEFAULT;
  const background = textOf(settings, 'background');
  const format = formatOf(settings, background);
  if (format === 'jpeg' && background === 'transparent') return 'a JPEG cannot have a transparent background';
  const fields = new Map<string, string | undefined>([
    ['model', model],
    ['prompt', prompt],
    ['n', '1'],
    ['size', textOf(settings, 'size')],
    ['quality', textOf(settings, 'quality')],
    ['background', background],
    ['input_fidelity', takesInputFidelity(model) ? textOf(settings, 'input_fidelity') : undefined],
    ['moderation', textOf(settings, 'moderation')],
    ['output_format', format],
  ]);
  const given = [...fields].filter((field): field is [string, string] => field[1] !== undefined);
  return { model, fields: new Map(given), images };
}

/** These models always look at the photo closely, and answer 400 `invalid_input_fidelity_model` to the setting. */
const takesInputFidelity = (model: string): boolean => !model.startsWith('gpt-image-2');

/**
 * JPEG is made and travels fastest; the service's own default is PNG. Its compression is left alone: the worker writes the slot's
 * `output` itself, and compressing twice would lose twice.
 */
function formatOf(settings: ProviderInput['settings'], background: string | undefined): string {
  const { output } = settings;
  const wished = typeof output === 'object' && output !== null && 'format' in output ? output.format : undefined;
  if (typeof wished === 'string') return wished;
  return background === 'transparent' ? 'png' : 'jpeg';
}

function imagesFault(images: readonly SourceImage[]): string | undefined {
  const { mimeTypes, referencesMax } = OPENAI_DESCRIPTION;
  if (images.length > referencesMax + 1) return `more than ${referencesMax} template pictures`;
  const refused = images.find(({ mimeType }) => !mimeTypes.includes(mimeType));
  return refused === undefined ? undefined : `the service does not take ${refused.mimeType}`;
}

function textOf(settings: ProviderInput['settings'], key: string): string | undefined {
  const value = settings[key];
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}
