import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { linkFile } from '../../src/media/link-file.ts';

const PHOTO = Buffer.from('the bytes of a photo');
const JOB = '0198a1b2-0000-7000-8000-000000000001';
const OTHER = '0198a1b2-0000-7000-8000-000000000002';
/** A file system of its own on Linux, where links from the temporary folder cannot lead. */
const OTHER_FILE_SYSTEM = '/dev/shm';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'link-file-'));
  await writeFile(join(directory, 'first'), PHOTO, { mode: 0o600 });
});
afterEach(() => rm(directory, { recursive: true }));

const isThere = existsSync(OTHER_FILE_SYSTEM) && statSync(OTHER_FILE_SYSTEM).dev !== statSync(tmpdir()).dev;

describe('a second name', () => {
  it('is for the same bytes, in a folder that is made if need be, and outlives the first', async () => {
    const [first, second] = [join(directory, 'first'), join(directory, 'day', 'second')];
    await linkFile(first, second);
    expect((await stat(second)).ino).toBe((await stat(first)).ino);
    await rm(first);
    expect(await readFile(second)).toEqual(PHOTO);
    expect((await stat(join(directory, 'day'))).mode & 0o077).toBe(0);
  });

  it('is as young as its making, however old the file is', async () => {
    const hourAgo = new Date(Date.now() - 3_600_000);
    await utimes(join(directory, 'first'), hourAgo, hourAgo);
    await linkFile(join(directory, 'first'), join(directory, 'second'));
    expect(Date.now() - (await stat(join(directory, 'second'))).mtimeMs).toBeLessThan(60_000);
  });

  it('never takes the place of another file, and leaves nothing when it is refused', async () => {
    await writeFile(join(directory, 'second'), 'another photo');
    await expect(linkFile(join(directory, 'first'), join(directory, 'second'))).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await expect(linkFile(join(directory, 'none'), join(directory, 'third'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(join(directory, 'second'), 'utf8')).toBe('another photo');
    expect((await readdir(directory)).sort()).toEqual(['first', 'second']);
  });

  it.runIf(isThere)('is a copy where the file system has no links, private and whole', async () => {
    const elsewhere = await mkdtemp(join(OTHER_FILE_SYSTEM, 'link-file-'));
    try {
      const copy = join(elsewhere, 'day', 'copy');
      await linkFile(join(directory, 'first'), copy);
      await rm(join(directory, 'first'));
      expect(await readFile(copy)).toEqual(PHOTO);
      expect((await stat(copy)).mode & 0o077).toBe(0);
      expect(await readdir(join(elsewhere, 'day'))).toEqual(['copy']);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });
});

describe('a store', () => {
  it('keeps a payload as an original of its day, and gives it to another job; each goes by itself', async () => {
    const store = createDiskStore({ root: join(directory, 'media'), freeBytesMin: 0 });
    await store.open();
    const payload = store.payloadPath(JOB, 'photo');
    await writeFile(payload.absolutePath, PHOTO);
    const original = await store.keepOriginal(JOB, payload.path, new Date('2026-05-31T23:59:59Z'));
    expect(original).toBe(`originals/2026-05-31/${JOB}.photo`);
    await store.remove(payload.path);
    const next = await store.payloadOfOriginal(OTHER, original ?? '');
    expect(next).toBe(`payloads/${OTHER}.photo`);
    await store.removeOriginal(original ?? '');
    expect(await readFile(store.resolve(next ?? ''))).toEqual(PHOTO);
    expect(await readdir(join(directory, 'media', 'originals'))).toEqual([]);
  });

  it('says when there is nothing to keep', async () => {
    const store = createDiskStore({ root: join(directory, 'media'), freeBytesMin: 0 });
    await store.open();
    expect(await store.keepOriginal(JOB, `payloads/${JOB}.photo`, new Date())).toBeUndefined();
    expect(await store.payloadOfOriginal(OTHER, `originals/2026-05-31/${JOB}.photo`)).toBeUndefined();
    await store.removeOriginal(`originals/2026-05-31/${JOB}.photo`);
  });
});
