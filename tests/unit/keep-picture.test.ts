import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import type { PreparedPicture } from '../../src/media/picture.ts';
import type { MediaStore } from '../../src/media/store.ts';
import { type KeptPicture, keepPicture } from '../../src/services/media/receive-picture.ts';

const PICTURE: PreparedPicture = {
  parts: [Buffer.from('pic'), Buffer.from('ture')],
  sizeBytes: 7,
  mimeType: 'image/png',
  hasAlpha: true,
};

let root: string;
let store: MediaStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'photochanger-keep-'));
  store = createDiskStore({ root, freeBytesMin: 0 });
  await store.open();
});
afterEach(() => rm(root, { recursive: true }));

const keep = (work: (kept: KeptPicture) => Promise<unknown>): Promise<unknown> =>
  keepPicture({ store }, 'templates', PICTURE, work);
const files = (): Promise<string[]> => readdir(join(root, 'templates'));

it('a picture that was named stays under its id, with the size and checksum of all its pieces', async () => {
  const kept = (await keep((named) => Promise.resolve(named))) as KeptPicture;
  expect(await files()).toEqual([`${kept.id}.png`]);
  expect(kept).toMatchObject({ path: `templates/${kept.id}.png`, mimeType: 'image/png', sizeBytes: 7 });
  expect(await store.sha256Of(kept.path)).toBe(kept.sha256);
});

it('a picture that was not named is gone', async () => {
  const fault = new DomainError('template_already_bound', 'There is one.');
  await expect(keep(() => Promise.reject(fault))).rejects.toBe(fault);
  expect(await files()).toEqual([]);
});

it('a picture of which nobody knows whether it was named is left to the sweep, which asks the rows', async () => {
  const fault = new DomainError('queue_unavailable', 'The reply was lost.');
  await expect(keep(() => Promise.reject(fault))).rejects.toBe(fault);
  expect(await files()).toHaveLength(1);
});
