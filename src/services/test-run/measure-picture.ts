import type { Picture, PictureBytes } from '../../media/picture.ts';
import type { ImageInspector } from '../../media/upload.ts';
import type { InspectorOptions } from '../job/ingest-deps.ts';

/** In pixels, as the header says. */
export interface PictureSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** What measuring needs. */
export interface MeasureDeps {
  readonly createInspector: (options: InspectorOptions) => ImageInspector;
  readonly limits: { readonly imagePixelsMax: number };
}

/** Reads the size of a finished picture, whose bytes nobody sends, and lets go of it. @returns nothing where it cannot be told. */
export async function measurePicture(
  { createInspector, limits }: MeasureDeps,
  { bytes, mimeType }: Pick<Picture, 'bytes' | 'mimeType'>,
): Promise<PictureSize | undefined> {
  const accepted = mimeType as InspectorOptions['acceptedMimeTypes'][number];
  const inspector = createInspector({
    declaredMimeType: mimeType,
    acceptedMimeTypes: [accepted],
    pixelsMax: limits.imagePixelsMax,
  });
  try {
    await readInto(bytes, (chunk) => inspector.push(chunk));
    const { widthPx, heightPx } = inspector.end();
    return { widthPx, heightPx };
  } catch {
    // the picture is stored and can be fetched; its size is only a help
    return undefined;
  } finally {
    await letGo(bytes);
  }
}

async function readInto(bytes: PictureBytes, take: (chunk: Buffer) => void): Promise<void> {
  if (bytes.kind === 'memory') bytes.parts.forEach(take);
  else
    for await (const chunk of bytes.handle.createReadStream({ start: bytes.offset, autoClose: false }))
      take(chunk as Buffer);
}

async function letGo(bytes: PictureBytes): Promise<void> {
  if (bytes.kind === 'memory') bytes.release?.();
  else await bytes.handle.close();
}
