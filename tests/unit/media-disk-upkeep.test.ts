import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { asStorageFault } from '../../src/media/storage-fault.ts';
import type { MediaStore, ResultToStore, StoredFile } from '../../src/media/store.ts';

const JOB = '01970c1e-7d3a-7cc2-8f21-5d0b3a1c9e77';
const NOON = new Date('2026-05-31T12:00:00.000Z');

let root: string;
let store: MediaStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'media-'));
  store = createDiskStore({ root, freeBytesMin: 0 });
  await store.open();
});

afterEach(() => rm(root, { recursive: true, force: true }));

const result: ResultToStore = {
  jobId: JOB,
  claimNo: 1,
  mimeType: 'image/jpeg',
  parts: [Buffer.from('picture')],
  thumbnail: Promise.resolve(Buffer.from('small')),
  storedOn: NOON,
};

async function listed(): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for await (const file of store.listFiles()) files.push(file);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

describe('listing files', () => {
  it('shows payloads, results, thumbnails and what a crash left unfinished, with their age', async () => {
    const { path, thumbnailPath } = await store.storeResult(result);
    const payload = store.payloadPath(JOB, 'photo');
    const leftover = `${path}.0123456789ab.tmp`;
    await writeFile(payload.absolutePath, 'payload');
    await writeFile(store.resolve(leftover), 'half');
    await utimes(store.resolve(leftover), NOON, NOON);
    const files = await listed();
    expect(files.map((file) => [file.path, file.sizeBytes])).toEqual([
      [payload.path, 7],
      [path, 7],
      [leftover, 4],
      [thumbnailPath, 5],
    ]);
    expect(files[2]?.modifiedAt).toEqual(NOON);
    await store.remove(leftover);
    expect((await listed()).map((file) => file.path)).not.toContain(leftover);
  });

  it('goes on when files and folders vanish under it', async () => {
    for (const day of ['2026-05-30', '2026-05-31']) {
      for (let index = 0; index < 40; index++) await writeFile(await placed(day, index), 'x');
    }
    let seen = 0;
    for await (const _ of store.listFiles()) {
      seen += 1;
      if (seen === 1) await rm(join(root, 'results'), { recursive: true });
    }
    expect(seen).toBeLessThan(80);
    expect(await listed()).toEqual([]);
  });

  it('leaves alone what the store did not name', async () => {
    await writeFile(join(root, 'payloads', '.keep me'), '');
    await symlink(root, join(root, 'results', 'loop'));
    expect(await listed()).toEqual([]);
  });
});

async function placed(day: string, index: number): Promise<string> {
  await mkdir(join(root, 'results', day), { recursive: true });
  return join(root, 'results', day, `${index}.jpg`);
}

describe('the disk', () => {
  it('turns uploads away below its reserve, and looks again after a second', async () => {
    let now = 0;
    const full = createDiskStore({ root, freeBytesMin: Number.MAX_SAFE_INTEGER, monotonicNow: () => now });
    await expect(full.assertFreeSpace()).rejects.toMatchObject({
      code: 'storage_unavailable',
      retryAfterSeconds: expect.any(Number),
    });
    await rm(root, { recursive: true });
    now = 999;
    await expect(full.assertFreeSpace()).rejects.toThrow('reserve');
    now = 1000;
    await expect(full.assertFreeSpace()).rejects.toThrow('mounted');
  });

  it('takes uploads in above its reserve', async () => {
    expect(await store.freeBytes()).toBeGreaterThan(0);
    await expect(store.assertFreeSpace()).resolves.toBeUndefined();
  });

  it.each(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EIO', 'EROFS'])(
    'is unavailable to clients when it says %s',
    (code) => {
      const cause = Object.assign(new Error('from the system'), { code });
      const fault = asStorageFault(cause);
      expect(fault).toMatchObject({ code: 'storage_unavailable', cause, retryAfterSeconds: expect.any(Number) });
      expect((fault as Error).message).not.toContain(code);
    },
  );

  it('is not blamed for other errors', () => {
    for (const error of [new Error('x'), Object.assign(new Error('x'), { code: 'EISDIR' }), 'x'])
      expect(asStorageFault(error)).toBe(error);
  });
});

describe('opening the store', () => {
  it('may be repeated and leaves no trace but its folders', async () => {
    await store.open();
    expect((await readdir(root)).sort()).toEqual(['originals', 'payloads', 'public', 'results', 'templates']);
    expect(await listed()).toEqual([]);
  });

  it('says which folder cannot be used and what to do', async () => {
    await writeFile(join(root, 'file'), '');
    const misplaced = createDiskStore({ root: join(root, 'file'), freeBytesMin: 0 });
    await expect(misplaced.open()).rejects.toThrow(
      /The media folder .*file.payloads cannot be written \(ENOTDIR\)\. Let .* or configure/,
    );
  });
});
