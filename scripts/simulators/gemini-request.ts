import type { FileDesk } from './gemini-files.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import { beginsLike, type ReceivedImage, receivedImage } from './received-image.ts';

/** A request that passed the checks. */
export interface ReadRequest {
  readonly prompt: string;
  readonly images: readonly ReceivedImage[];
  /** Bytes of the first image: what is edited. */
  readonly photo: Buffer;
  readonly generationConfig: Readonly<Record<string, unknown>>;
}

/** Thrown for what the real service answers with 400 INVALID_ARGUMENT. */
export class InvalidArgument extends Error {}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const ASPECT_RATIO = /^\d{1,2}:\d{1,2}$/;

/** Thrown for a file that cannot be used; carries the service's answer. */
export class UnusableFile extends Error {
  readonly answer: PreparedAnswer;

  constructor(answer: PreparedAnswer) {
    super('a file cannot be used');
    this.answer = answer;
  }
}

interface Part {
  text?: unknown;
  inlineData?: { mimeType?: unknown; data?: unknown };
  fileData?: { mimeType?: unknown; fileUri?: unknown };
}

/**
 * Checks a body of `generateContent` as strictly as the service does.
 *
 * @param use finds an uploaded file.
 * @throws InvalidArgument
 * @throws UnusableFile
 */
export function readRequest(body: Buffer, model: string, use: FileDesk['use']): ReadRequest {
  const document = parse(body);
  const contents = Array.isArray(document['contents']) ? document['contents'] : [];
  const parts: Part[] = contents.flatMap((content: { parts?: Part[] }) => content?.parts ?? []);
  if (parts.length === 0) throw new InvalidArgument('* GenerateContentRequest.contents: contents is not specified');
  const texts: string[] = [];
  const images: (ReceivedImage & { bytes: Buffer })[] = [];
  for (const [index, part] of parts.entries()) {
    const at = `contents[0].parts[${index}]`;
    if (typeof part.text === 'string') texts.push(part.text);
    else if (part.inlineData !== undefined) images.push(readImage(part.inlineData, at));
    else if (part.fileData !== undefined) images.push(readFile(part.fileData, use));
    else throw new InvalidArgument(`${at}.data: required oneof field 'data' must have one initialized field`);
  }
  if (texts.join('').trim() === '') throw new InvalidArgument('a text part with the prompt is required');
  const photo = images[0];
  if (photo === undefined) throw new InvalidArgument('an image part is required');
  const generationConfig = (document['generationConfig'] ?? {}) as Record<string, unknown>;
  checkConfig(generationConfig, model);
  return {
    prompt: texts.join('\n'),
    images: images.map(({ bytes: _, ...facts }) => facts),
    photo: photo.bytes,
    generationConfig,
  };
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new InvalidArgument('Invalid JSON payload received.', { cause: error });
  }
}

function readImage(blob: { mimeType?: unknown; data?: unknown }, at: string) {
  const { mimeType, data } = blob;
  if (typeof data !== 'string' || data.length % 4 !== 0 || !BASE64.test(data)) {
    throw new InvalidArgument(`Invalid value at '${at}.inline_data.data' (TYPE_BYTES), Base64 decoding failed`);
  }
  return checked(Buffer.from(data, 'base64'), mimeType);
}

function readFile({ mimeType, fileUri }: { mimeType?: unknown; fileUri?: unknown }, use: FileDesk['use']) {
  const file = use(fileUri);
  if ('status' in file) throw new UnusableFile(file);
  if (file.mimeType !== mimeType) throw new InvalidArgument('The MIME type is not that of the file.');
  return checked(file.bytes, mimeType);
}

function checked(bytes: Buffer, mimeType: unknown) {
  if (typeof mimeType !== 'string' || !beginsLike(bytes, mimeType)) {
    throw new InvalidArgument('Unable to process input image. Please retry or report in the documentation.');
  }
  return { ...receivedImage(bytes, mimeType), bytes };
}

function checkConfig(config: Readonly<Record<string, unknown>>, model: string): void {
  const imageConfig = (config['imageConfig'] ?? {}) as Record<string, unknown>;
  const { aspectRatio, imageSize } = imageConfig;
  if (aspectRatio !== undefined && (typeof aspectRatio !== 'string' || !ASPECT_RATIO.test(aspectRatio))) {
    throw new InvalidArgument("Invalid value at 'generation_config.image_config.aspect_ratio'");
  }
  if (imageSize === undefined) return;
  if (model.startsWith('gemini-2.5-flash-image'))
    throw new InvalidArgument('Image size is not supported for this model.');
  if (!['1K', '2K', '4K'].includes(String(imageSize))) {
    throw new InvalidArgument("Invalid value at 'generation_config.image_config.image_size'");
  }
}
