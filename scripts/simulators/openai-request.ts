import { beginsLike, type ReceivedImage, receivedImage } from './received-image.ts';

/** A request that passed the checks. */
export interface ReadEdit {
  readonly fields: Readonly<Record<string, string>>;
  readonly prompt: string;
  readonly model: string;
  readonly images: readonly ReceivedImage[];
  readonly fileNames: readonly string[];
  /** Bytes of the first image: what is edited. */
  readonly photo: Buffer;
}

/** Thrown for what the real service answers with 400. */
export class InvalidEdit extends Error {
  readonly param: string | undefined;
  readonly code: string;
  readonly type: string;

  constructor(message: string, code: string, param?: string, type = 'invalid_request_error') {
    super(message);
    this.code = code;
    this.param = param;
    this.type = type;
  }
}

const IMAGES_MAX = 16;
const IMAGE_BYTES_MAX = 50_000_000;
const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp'];
const PROMPT_LENGTH_MAX = 32_000;
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  quality: ['auto', 'low', 'medium', 'high'],
  background: ['auto', 'opaque', 'transparent'],
  input_fidelity: ['low', 'high'],
  moderation: ['auto', 'low'],
  output_format: ['png', 'jpeg', 'webp'],
};
const OTHER_FIELDS = ['model', 'prompt', 'n', 'size', 'output_compression', 'user'];
const OLD_SIZES = ['auto', '1024x1024', '1536x1024', '1024x1536'];

/** Checks a form of `images/edits` as strictly as the service does. @throws InvalidEdit */
export async function readEdit(body: Buffer, contentType: string): Promise<ReadEdit> {
  const form = await parse(body, contentType);
  const fields: Record<string, string> = {};
  const files: { name: string; file: File }[] = [];
  for (const [name, value] of form) {
    if (typeof value !== 'string') files.push({ name, file: value });
    else if (name in fields) throw new InvalidEdit(`Duplicate parameter: '${name}'.`, 'duplicate_parameter', name);
    else fields[name] = value;
  }
  const model = required(fields, 'model');
  const prompt = required(fields, 'prompt');
  const length = [...prompt].length;
  if (length > PROMPT_LENGTH_MAX) {
    const words = `string too long. Expected a string with maximum length ${PROMPT_LENGTH_MAX}, but got a string with length ${length} instead.`;
    throw new InvalidEdit(`Invalid 'prompt': ${words}`, 'string_above_max_length', 'prompt');
  }
  checkFields(fields);
  checkModel(fields, model);
  checkSize(fields['size'] ?? 'auto', model);
  const images = await readImages(files);
  return {
    fields,
    prompt,
    model,
    images: images.map(({ facts }) => facts),
    fileNames: files.map(({ file }) => file.name),
    photo: images[0]?.bytes ?? Buffer.alloc(0),
  };
}

/** Node's own parser of forms: an eye that is independent of whoever wrote the form. */
async function parse(body: Buffer, contentType: string): Promise<FormData> {
  if (!/^multipart\/form-data;/.test(contentType))
    throw new InvalidEdit(`Unsupported content type: '${contentType}'.`, 'unsupported_content_type');
  try {
    return await new Response(body, { headers: { 'content-type': contentType } }).formData();
  } catch {
    throw new InvalidEdit('Could not parse multipart form.', 'invalid_multipart_form');
  }
}

function required(fields: Readonly<Record<string, string>>, name: string): string {
  const value = fields[name];
  if (value !== undefined && value.trim() !== '') return value;
  throw new InvalidEdit(`Missing required parameter: '${name}'.`, 'missing_required_parameter', name);
}

function checkFields(fields: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(fields)) {
    const choices = CHOICES[name];
    if (choices === undefined && !OTHER_FIELDS.includes(name))
      throw new InvalidEdit(`Unknown parameter: '${name}'.`, 'unknown_parameter', name);
    if (choices !== undefined && !choices.includes(value)) throw invalidValue(name, value, choices);
  }
  const { n = '1', output_compression: compression } = fields;
  if (!/^([1-9]|10)$/.test(n)) throw invalidValue('n', n, ['1', '…', '10']);
  if (compression !== undefined && !/^(\d{1,2}|100)$/.test(compression))
    throw invalidValue('output_compression', compression, ['0', '…', '100']);
}

function invalidValue(name: string, value: string, choices: readonly string[]): InvalidEdit {
  const words = `Invalid value: '${value}'. Supported values are: ${choices.map((choice) => `'${choice}'`).join(', ')}.`;
  return new InvalidEdit(words, 'invalid_value', name);
}

function checkModel(fields: Readonly<Record<string, string>>, model: string): void {
  const fidelity = fields['input_fidelity'];
  const isRefused = model.startsWith('gpt-image-2') || (model.startsWith('gpt-image-1-mini') && fidelity === 'high');
  if (fidelity !== undefined && isRefused) {
    const words = `The model '${model}' does not support the 'input_fidelity' parameter.`;
    throw new InvalidEdit(words, 'invalid_input_fidelity_model', 'input_fidelity', 'image_generation_user_error');
  }
  if (fields['background'] === 'transparent' && fields['output_format'] === 'jpeg') {
    const words = 'Transparent background is not supported for JPEG output format';
    throw new InvalidEdit(words, 'invalid_value', 'background', 'image_generation_user_error');
  }
}

function checkSize(size: string, model: string): void {
  if (size === 'auto') return;
  if (model.startsWith('gpt-image-1') && !OLD_SIZES.includes(size)) throw invalidValue('size', size, OLD_SIZES);
  const sides = /^(\d{2,4})x(\d{2,4})$/.exec(size)?.slice(1).map(Number) ?? [0, 0];
  const [width = 0, height = 0] = sides;
  const isPossible =
    width % 16 === 0 &&
    height % 16 === 0 &&
    Math.max(width, height) <= 3840 &&
    Math.max(width, height) <= Math.min(width, height) * 3 &&
    width * height >= 655_360 &&
    width * height <= 8_294_400;
  if (!isPossible) throw new InvalidEdit(`Invalid size '${size}'.`, 'invalid_value', 'size');
}

async function readImages(files: readonly { name: string; file: File }[]) {
  const [first] = files;
  if (first === undefined)
    throw new InvalidEdit("Missing required parameter: 'image'.", 'missing_required_parameter', 'image');
  if (files.length > IMAGES_MAX) {
    const words = `array too long. Expected an array with maximum length ${IMAGES_MAX}, but got an array with length ${files.length} instead.`;
    throw new InvalidEdit(`Invalid 'image': ${words}`, 'array_above_max_length', 'image');
  }
  const wanted = files.length === 1 ? ['image', 'image[]'] : ['image[]'];
  const images: { facts: ReceivedImage; bytes: Buffer }[] = [];
  for (const [index, { name, file }] of files.entries()) {
    if (!wanted.includes(name)) throw new InvalidEdit(`Unknown parameter: '${name}'.`, 'unknown_parameter', name);
    if (!IMAGE_TYPES.includes(file.type)) {
      const words = `unsupported mimetype ('${file.type}'). Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'.`;
      throw new InvalidEdit(`Invalid file 'image': ${words}`, 'unsupported_file_mimetype', 'image');
    }
    const bytes = Buffer.from(await file.arrayBuffer());
    if (bytes.length >= IMAGE_BYTES_MAX) throw new InvalidEdit('Image too large.', 'image_too_large', 'image');
    if (!beginsLike(bytes, file.type)) {
      const words = `Invalid image file or mode for image ${index + 1}, please check your image file.`;
      throw new InvalidEdit(words, 'invalid_image_file', 'image');
    }
    images.push({ facts: receivedImage(bytes, file.type), bytes });
  }
  return images;
}
