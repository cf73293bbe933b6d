import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { thumbnailPathOf } from '../../src/media/media-paths.ts';
import type { MediaStore, ResultToStore } from '../../src/media/store.ts';

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

const result = (changes: Partial<ResultToStore> = {}): ResultToStore => ({
  jobId: JOB,
  claimNo: 1,
  mimeType: 'image/jpeg',
  parts: [Buffer.from('pic'), Buffer.alloc(0), Buffer.from('ture')],
  thumbnail: Promise.resolve(Buffer.from('small')),
  storedOn: NOON,
  ...changes,
});

async function allFiles(): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a stored result', () => {
  it('lies under its day, its job and its claim, beside its thumbnail', async () => {
    const stored = await store.storeResult(result());
    expect(stored).toEqual({
      path: `results/2026-05-31/${JOB}.1.jpg`,
      thumbnailPath: `results/2026-05-31/${JOB}.1.thumb.jpg`,
      sizeBytes: 7,
      sha256: sha256(Buffer.from('picture')),
    });
    expect((await allFiles()).sort()).toEqual([stored.path, stored.thumbnailPath]);
    expect(await readFile(store.resolve(stored.path), 'utf8')).toBe('picture');
    expect(await readFile(store.resolve(stored.thumbnailPath), 'utf8')).toBe('small');
  });

  it.each([
    ['image/png', 'png'],
    ['image/webp', 'webp'],
  ] as const)('has the ending of its type, and a JPEG as its thumbnail: %s', async (mimeType, extension) => {
    const { path, thumbnailPath } = await store.storeResult(result({ mimeType }));
    expect(path).toBe(`results/2026-05-31/${JOB}.1.${extension}`);
    expect(thumbnailPath).toBe(`results/2026-05-31/${JOB}.1.thumb.jpg`);
    expect(thumbnailPathOf(path)).toBe(thumbnailPath);
  });

  it('is whole however large it is and in however many pieces', async () => {
    const parts = Array.from({ length: 1500 }, (_, index) => randomBytes(index % 700));
    const whole = Buffer.concat(parts);
    const stored = await store.storeResult(result({ parts }));
    expect(await readFile(store.resolve(stored.path))).toEqual(whole);
    expect(stored).toMatchObject({ sizeBytes: whole.length, sha256: sha256(whole) });
  });

  it('can be read by the server alone', async () => {
    const stored = await store.storeResult(result());
    expect((await stat(store.resolve(stored.path))).mode & 0o077).toBe(0);
    expect((await stat(join(root, 'results', '2026-05-31'))).mode & 0o077).toBe(0);
  });

  it('is never replaced or removed by a worker of another claim', async () => {
    const winner = await store.storeResult(result({ claimNo: 2 }));
    const late = await store.storeResult(result({ claimNo: 1, parts: [Buffer.from('late')] }));
    await store.removeResult(late.path);
    expect(await readFile(store.resolve(winner.path), 'utf8')).toBe('picture');
    expect((await allFiles()).sort()).toEqual([winner.path, winner.thumbnailPath]);
  });

  it('is one of the pictures, whole, when a claim stores twice at once', async () => {
    const pictures = ['a', 'b', 'c'].map((letter) => Buffer.alloc(300_000, letter));
    const stored = await Promise.all(pictures.map((picture) => store.storeResult(result({ parts: [picture] }))));
    const file = await readFile(store.resolve(stored[0]?.path ?? ''));
    expect(pictures.some((picture) => picture.equals(file))).toBe(true);
    expect(await allFiles()).toHaveLength(2);
  });

  it('finds its folder again when it was removed as empty meanwhile', async () => {
    const jobs = Array.from({ length: 20 }, () => randomUUID());
    await Promise.all(
      jobs.map(async (jobId) => {
        const { path } = await store.storeResult(result({ jobId }));
        await store.removeResult(path);
      }),
    );
    expect(await readdir(join(root, 'results'))).toEqual([]);
  });

  it.each(['.jpg', '.thumb.jpg'])('leaves nothing when it cannot be put in its place: %s', async (ending) => {
    await mkdir(join(root, 'results', '2026-05-31', `${JOB}.1${ending}`), { recursive: true });
    await expect(store.storeResult(result())).rejects.toThrow();
    expect(await allFiles()).toEqual([]);
  });

  it('leaves nothing when its folder cannot be made', async () => {
    await rm(join(root, 'results'), { recursive: true });
    await writeFile(join(root, 'results'), 'in the way');
    await expect(store.storeResult(result())).rejects.toThrow();
    expect(await allFiles()).toEqual(['results']);
  });

  it('cannot be named by anything but a job id and a claim number', async () => {
    for (const jobId of ['../../x', 'x', '', JOB.toUpperCase(), `${JOB}/..`]) {
      await expect(store.storeResult(result({ jobId }))).rejects.toThrow(RangeError);
    }
    for (const claimNo of [-1, 0.5, Number.NaN])
      await expect(store.storeResult(result({ claimNo }))).rejects.toThrow(RangeError);
    expect(await allFiles()).toEqual([]);
  });
});

describe('a path', () => {
  it('of a payload is made of the job id and an ending', () => {
    expect(store.payloadPath(JOB, 'jpg')).toEqual({
      path: `payloads/${JOB}.jpg`,
      absolutePath: join(root, 'payloads', `${JOB}.jpg`),
    });
    for (const extension of ['', '../x', 'j.g', 'JPG', 'a'.repeat(9)])
      expect(() => store.payloadPath(JOB, extension)).toThrow(RangeError);
  });

  it.each([
    '',
    '/',
    '/etc/passwd',
    '..',
    '../x',
    'results/../../x',
    'results//x',
    'results/./x',
    'results\\x',
    'C:/x',
    'x\0',
    '.hidden',
    'a b',
  ])('never leaves the root, nor has two spellings: %j', async (path) => {
    expect(() => store.resolve(path)).toThrow(RangeError);
    await expect(store.openFile(path)).rejects.toThrow(RangeError);
    await expect(store.remove(path)).rejects.toThrow(RangeError);
    await expect(store.removeResult(path)).rejects.toThrow(RangeError);
  });
});

describe('removing', () => {
  it('takes the picture, its thumbnail and the empty folder of the day, and may be repeated', async () => {
    const { path } = await store.storeResult(result());
    for (let times = 0; times < 3; times++) await store.removeResult(path);
    expect(await readdir(join(root, 'results'))).toEqual([]);
  });

  it('leaves the other results of the day', async () => {
    const [first, second] = [
      await store.storeResult(result()),
      await store.storeResult(result({ jobId: randomUUID() })),
    ];
    await store.removeResult(first.path);
    expect((await allFiles()).sort()).toEqual([second.path, second.thumbnailPath].sort());
  });

  it('of a payload may be repeated, and leaves the folder', async () => {
    const place = store.payloadPath(JOB, 'photo');
    await writeFile(place.absolutePath, 'x');
    for (let times = 0; times < 3; times++) await store.remove(place.path);
    expect(await readdir(join(root, 'payloads'))).toEqual([]);
  });
});

describe('opening a file', () => {
  it('gives a handle and the size', async () => {
    const { path } = await store.storeResult(result());
    const file = await store.openFile(path);
    expect(file?.sizeBytes).toBe(7);
    expect(await file?.handle.readFile('utf8')).toBe('picture');
    await file?.handle.close();
  });

  it('gives nothing for what is not there, or is no file', async () => {
    expect(await store.openFile('results/2026-05-31/none.jpg')).toBeUndefined();
    expect(await store.openFile('results')).toBeUndefined();
  });

  it('does not follow a link out of the store', async () => {
    await symlink('/etc/hostname', join(root, 'payloads', 'link.jpg'));
    await expect(store.openFile('payloads/link.jpg')).rejects.toThrow('ELOOP');
  });
});

describe('a thumbnail that is still being made', () => {
  it('takes the picture with it when it fails: nothing is stored, and its error is told', async () => {
    const fault = new Error('the picture is not whole');
    await expect(store.storeResult(result({ thumbnail: Promise.reject(fault) }))).rejects.toBe(fault);
    expect(await allFiles()).toEqual([]);
  });
});
