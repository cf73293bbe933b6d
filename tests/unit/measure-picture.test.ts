import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createImageInspector } from '../../src/media/inspect-image.ts';
import { measurePicture } from '../../src/services/test-run/measure-picture.ts';
import { makePhoto } from '../support/images.ts';

const deps = { createInspector: createImageInspector, limits: { imagePixelsMax: 110_000_000 } };

/** Measures bytes in memory, and counts how often they are given back. */
async function measured(parts: readonly Buffer[], mimeType = 'image/jpeg') {
  let released = 0;
  const release = () => {
    released += 1;
  };
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const size = await measurePicture(deps, { mimeType, bytes: { kind: 'memory', parts, sizeBytes, release } });
  return { size, released };
}

test('the size of a picture in memory is read, whatever its pieces, and its bytes are given back once', async () => {
  const photo = await makePhoto({ widthPx: 320, heightPx: 240 });
  const parts = [photo.subarray(0, 1), photo.subarray(1, 100), photo.subarray(100)];
  expect(await measured(parts)).toEqual({ size: { widthPx: 320, heightPx: 240 }, released: 1 });
});

test('where the size cannot be told there is none, and the bytes are given back all the same', async () => {
  const photo = await makePhoto();
  expect(await measured([photo.subarray(0, 40)])).toEqual({ size: undefined, released: 1 });
  expect(await measured([photo], 'image/png')).toEqual({ size: undefined, released: 1 });
});

test('the size of a picture on disk is read, and its file is closed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'photochanger-measure-'));
  const path = join(folder, 'picture.png');
  await writeFile(path, await makePhoto({ format: 'png', widthPx: 33, heightPx: 44 }));
  const handle = await open(path);
  const bytes = { kind: 'file', handle, offset: 0, sizeBytes: (await handle.stat()).size } as const;
  expect(await measurePicture(deps, { mimeType: 'image/png', bytes })).toEqual({ widthPx: 33, heightPx: 44 });
  expect(handle.fd).toBe(-1);
  await rm(folder, { recursive: true });
});
