import { beginsLike, type ReceivedImage, receivedImage } from './received-image.ts';

/** The fields of each method: those with images, and the check of every other one. */
const METHODS: Readonly<Record<string, MethodRules>> = {
  generate_image2image: {
    images: ['url'],
    required: ['content'],
    checks: {
      content: isText,
      strength: within(0, 80),
      seed: within(1, 10 ** 10),
      scale: within(0.1, 20),
      negative_prompt: (value) => value.trim().split(/\s+/).length <= 80,
      original_language: (value) => /^[a-z]{2}$/.test(value),
      user_id: isText,
    },
  },
  mix_images: { images: ['url_image_target', 'url'], required: [], checks: { content: isText } },
  deepfake_photo: {
    images: ['url', 'url_image_target'],
    required: [],
    checks: { face_restore: (value) => value === 'True' || value === 'False' },
  },
};

interface MethodRules {
  readonly images: readonly string[];
  readonly required: readonly string[];
  readonly checks: Readonly<Record<string, (value: string) => boolean>>;
}

const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp'];
const FETCH_TIMEOUT_MS = 5_000;

/** Whether the service has such a method. */
export const hasMethod = (method: string): boolean => Object.hasOwn(METHODS, method);

/** What is wrong with the fields of a job, in the words of the simulator. */
export function fieldFault(method: string, { do: _, ...fields }: Readonly<Record<string, string>>): string | undefined {
  const rules = METHODS[method];
  if (rules === undefined) return 'Неизвестный метод';
  const missing = [...rules.images, ...rules.required].find((name) => (fields[name] ?? '') === '');
  if (missing !== undefined) return `Не передан обязательный параметр ${missing}`;
  const faulty = Object.entries(fields).find(
    ([name, value]) => !rules.images.includes(name) && rules.checks[name]?.(value) !== true,
  );
  return faulty && `Неверный параметр ${faulty[0]}`;
}

/** An image that was fetched. */
export interface FetchedImage extends ReceivedImage {
  readonly bytes: Buffer;
}

/** Fetches the images of a job by their links, by the fields that name them. @throws Error when one is not an image. */
export async function fetchImages(
  method: string,
  fields: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, FetchedImage>> {
  const names = METHODS[method]?.images ?? [];
  return new Map(await Promise.all(names.map(async (name) => [name, await fetchImage(fields[name] ?? '')] as const)));
}

async function fetchImage(url: string): Promise<FetchedImage> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const type = answer.headers.get('content-type') ?? '';
  if (answer.status !== 200 || !IMAGE_TYPES.includes(type) || !beginsLike(bytes, type))
    throw new Error(`${url} answered ${answer.status} ${type}`);
  return { ...receivedImage(bytes, type), bytes };
}

function isText(value: string): boolean {
  return value.trim() !== '';
}

function within(min: number, max: number): (value: string) => boolean {
  return (value) => /^\d+(?:\.\d+)?$/.test(value) && Number(value) >= min && Number(value) <= max;
}
