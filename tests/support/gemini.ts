import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { createSlabPool } from '../../src/media/slabs.ts';
import type { TakeSlab } from '../../src/providers/base64-decoder.ts';
import type {
  CallContext,
  CallOutcome,
  ProviderFailure,
  ProviderInput,
  SourceImage,
} from '../../src/providers/provider.ts';

/** A pool of slabs that begin with rubbish, and count those not given back. A second release throws. */
export function countingSlabs(): { readonly takeSlab: TakeSlab; lent(): number; largest(): number } {
  const pool = createSlabPool({ idleSlabsMax: 8, idleBytesMax: 64 * 1024 * 1024 });
  let lent = 0;
  let largest = 0;
  return {
    lent: () => lent,
    largest: () => largest,
    takeSlab: (sizeMin) => {
      const slab = pool.takeSlab(sizeMin);
      let isReleased = false;
      lent += 1;
      largest = Math.max(largest, sizeMin);
      return {
        get buffer() {
          return slab.buffer;
        },
        release: () => {
          if (isReleased) throw new Error('a slab was released twice');
          isReleased = true;
          lent -= 1;
          slab.buffer.fill(0xdd, 0, 65_536);
          slab.release();
        },
      };
    },
  };
}

export interface PhotoFolder {
  readonly path: string;
  /** A small JPEG that decodes. */
  readonly photo: SourceImage;
  /** A file of this size that begins like a JPEG. Another name makes another file. */
  bigPhoto(sizeBytes: number, name?: string): Promise<SourceImage>;
  remove(): Promise<void>;
}

/** A folder with photos as ingest leaves them. */
export async function createPhotoFolder(): Promise<PhotoFolder> {
  const path = await mkdtemp(join(tmpdir(), 'photochanger-gemini-'));
  async function write(name: string, bytes: Buffer): Promise<SourceImage> {
    await writeFile(join(path, name), bytes);
    return { path: join(path, name), mimeType: 'image/jpeg', sizeBytes: bytes.length };
  }
  const small = await sharp({ create: { width: 120, height: 80, channels: 3, background: '#3377aa' } })
    .jpeg()
    .toBuffer();
  return {
    path,
    photo: await write('photo.jpg', small),
    bigPhoto: async (sizeBytes, name = 'photo') => {
      const bytes = randomBytes(sizeBytes);
      bytes.set([0xff, 0xd8, 0xff]);
      return await write(`${name}-${sizeBytes}.jpg`, bytes);
    },
    remove: () => rm(path, { recursive: true }),
  };
}

/** How many files below `folder` this process has open; 0 where the system does not tell. */
export function openFilesBelow(folder: string): number {
  if (process.platform !== 'linux') return 0;
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

/** An `image_edit` of the photo. */
export function editInput(photo: SourceImage, settings: Record<string, unknown> = {}): ProviderInput {
  return {
    operationId: 'image_edit',
    settings: { prompt: 'Make it a comic.', ...settings },
    photo,
    references: new Map(),
  };
}

/** An operation on the photo and template pictures, which the settings name as they do in a slot. */
export function templateInput(
  operationId: string,
  photo: SourceImage,
  templates: Readonly<Record<string, SourceImage | readonly SourceImage[]>>,
  settings: Record<string, unknown> = {},
): ProviderInput {
  const ids = Object.entries(templates).map(([key, named]) => {
    const list = [named].flat().map(() => randomUUID());
    return [key, key.endsWith('_ids') ? list : list[0]] as const;
  });
  return {
    operationId,
    settings: { prompt: 'Make it a comic.', ...Object.fromEntries(ids), ...settings },
    photo,
    references: new Map(Object.entries(templates).map(([key, named]) => [key, [named].flat()])),
  };
}

/** A context that allows a minute. */
export function contextOf(signal: AbortSignal = new AbortController().signal): CallContext {
  return { signal, deadlineAt: performance.now() + 60_000 };
}

/** The failure of an outcome that must be one; a picture is released and reported. */
export function failureOf(outcome: CallOutcome): ProviderFailure {
  if (outcome.outcome === 'failed') return outcome.failure;
  if (outcome.outcome === 'done') outcome.image.release();
  throw new Error(`a failure was expected, not ${outcome.outcome}`);
}

/** A copy of the picture of an outcome that must be one; its memory is given back. */
export function pictureOf(outcome: CallOutcome): Buffer {
  if (outcome.outcome !== 'done') throw new Error(`a picture was expected, not ${JSON.stringify(outcome)}`);
  const copy = Buffer.from(outcome.image.bytes);
  outcome.image.release();
  return copy;
}
