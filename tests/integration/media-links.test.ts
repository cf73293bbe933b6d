import { randomUUID } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { putSetting } from '../../src/repositories/settings.ts';
import { cleanUp } from '../../src/worker/clean-up.ts';
import { administratorToken } from '../support/administrators.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import {
  decodePixels,
  exifBlock,
  exifSegment,
  heicPhoto,
  jpegClaim,
  makeAnimation,
  makePhoto,
  pngClaim,
  withSegments,
  withTail,
} from '../support/images.ts';
import {
  bodyOf,
  filePart,
  idOf,
  MEDIA_PATH,
  sendForm,
  sendMedia,
  sendTemplate,
  setLinkLeft,
  type Uploader,
} from '../support/media.ts';
import { claim, endings, newJob } from '../support/queue.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually } from '../support/slots.ts';

interface Link {
  readonly id: string;
  readonly public_url: string;
  readonly expires_at: string;
}

let server: TestServer;
let admin: Uploader;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTestServer({ environment: { ROLE: 'api' } });
  admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
});
afterEach(async () => {
  await server.db.pool.query(`update media_object set created_at = now() - interval '1 day', expires_at = now()`);
  await eventually(async () => expect(await server.files()).toEqual([]));
  await server.db.pool.query('delete from media_object');
});
afterAll(() => server.stop());

const link = async (fields: Record<string, string> = {}): Promise<Link> =>
  bodyOf<Link>(await sendMedia(admin, photo, fields));

/** A job that waits: this server runs no worker. */
async function openJob(): Promise<string> {
  const job = newJob();
  await enqueueJob(server.db, job);
  return job.id;
}

const countRows = async (table: 'media_object' | 'template_media'): Promise<number> =>
  (await server.db.pool.query(`select count(*)::int as count from ${table}`)).rows[0].count;

const readJob = async (id: string): Promise<{ failure_reason: string | null; is_finalized: boolean }> =>
  (await server.db.pool.query('select failure_reason, is_finalized from job where id = $1', [id])).rows[0];

function clean(windowMsMax = 60_000) {
  const store = createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 });
  const options = { windowMsMax, jobRowDays: 400, withOrphans: true, isDryRun: false };
  return cleanUp({ db: server.db, store, log: createLog('silent') }, options);
}

describe('a public link', () => {
  it('shows the picture to whoever knows it, until it is over', async () => {
    const { public_url: url } = await link();
    const answer = await ask(url);
    expect(await decodePixels(answer.body)).toEqual(await decodePixels(photo));
    const maxAge = Number(/^private, max-age=(\d+)$/.exec(answer.headers.get('cache-control') ?? '')?.[1]);
    expect(maxAge).toBeGreaterThan(40);
    expect(maxAge).toBeLessThanOrEqual(48);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('answers HEAD with the same head and no body', async () => {
    const { public_url: url } = await link();
    const answer = await ask(url, { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe(String((await ask(url)).body.length));
    expect(answer.body.length).toBe(0);
  });

  it('begins where the server says it is, whatever the request claims', async () => {
    const parts = [filePart(photo)];
    const answer = await sendForm(admin, MEDIA_PATH, parts);
    expect(bodyOf<Link>(answer).public_url).toBe(`${server.running.publicBaseUrl}/public/media/${idOf(answer)}`);
    expect(answer.headers.get('location')).toBe(bodyOf<Link>(answer).public_url);
  });

  it('has a random id of 122 bits: version 4, and no two alike in any part', async () => {
    const ids = [];
    for (let made = 0; made < 8; made++) ids.push((await link()).id);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    for (const [from, to] of [
      [0, 8],
      [24, 36],
    ])
      expect(new Set(ids.map((id) => id.slice(from, to))).size).toBe(ids.length);
  });

  it('lives for the window in force when it is made; a change of the setting does not touch it', async () => {
    const before = await link();
    await putSetting(server.db, 'sync_response_timeout_sec', 60, 'test');
    const after = await link();
    await server.db.pool.query(`delete from platform_setting where key = 'sync_response_timeout_sec'`);
    const lifeMs = async ({ id, expires_at }: Link): Promise<number> => {
      const { rows } = await server.db.pool.query('select created_at from media_object where id = $1', [id]);
      return Date.parse(expires_at) - rows[0].created_at.getTime();
    };
    expect(await lifeMs(before)).toBe(48_000);
    expect(await lifeMs(after)).toBe(60_000);
  });

  it('answers 410 from its end on, and its file is gone with the next sweep', async () => {
    const { id, public_url: url } = await link();
    await setLinkLeft(server.db, id, -1);
    expect(refusal(await ask(url))).toBe('410 media_link_expired');
    await eventually(async () => expect(await server.files()).toEqual([]));
    expect(refusal(await ask(url))).toBe('410 media_link_expired');
    expect((await ask(url, { method: 'HEAD' })).status).toBe(410);
  });

  it('is remembered as long as the row of a job would be, and is unknown after that', async () => {
    const { id, public_url: url } = await link();
    await setLinkLeft(server.db, id, -1);
    await eventually(async () => expect(await server.files()).toEqual([]));
    const age = (days: number) =>
      server.db.pool.query(
        `update media_object set created_at = now() - $2 * interval '1 day' - interval '1 hour',
          expires_at = now() - $2 * interval '1 day' where id = $1`,
        [id, days],
      );
    await age(399);
    await clean();
    expect((await ask(url)).status).toBe(410);
    await age(401);
    await clean();
    expect(refusal(await ask(url))).toBe('404 not_found');
  });
});

describe('the link of a job', () => {
  it('ends with the job, for whatever reason that ends, and its file goes', async () => {
    for (const [reason, end] of Object.entries(endings)) {
      const jobId = await openJob();
      const { public_url: url } = await link({ job_id: jobId });
      expect((await ask(url)).status).toBe(200);
      const workerId = randomUUID();
      const [claimed] = await claim(server.db, { workerId });
      expect(claimed?.id).toBe(jobId);
      await end(server.db, { jobId, claimNo: 1, workerId });
      expect(refusal(await ask(url)), reason).toBe('410 media_link_expired');
      await eventually(async () => expect(await server.files()).toEqual([]));
    }
  });

  it('makes the job a timeout when it is over first', async () => {
    const jobId = await openJob();
    const { id } = await link({ job_id: jobId });
    await setLinkLeft(server.db, id, -1);
    await server.waitForLine({ msg: 'a public link of the job was over', job_id: jobId });
    expect(await readJob(jobId)).toEqual({ is_finalized: true, failure_reason: 'timeout' });
    const { rows } = await server.db.pool.query(
      `select status from processing_log where job_id = $1 order by occurred_at desc, id desc limit 1`,
      [jobId],
    );
    expect(rows).toEqual([{ status: 'timeout' }]);
  });

  it('ends no other job', async () => {
    const [one, other] = [await openJob(), await openJob()];
    const over = await link({ job_id: one });
    await setLinkLeft(server.db, over.id, -1);
    await eventually(async () => expect(await readJob(one)).toMatchObject({ is_finalized: true }));
    expect(await readJob(other)).toMatchObject({ is_finalized: false });
    await server.db.pool.query(`select job_end($1, 'cancelled', 'test', false)`, [other]);
  });
});

describe('what is refused leaves no row, no file and no link', () => {
  const hostile: readonly [what: string, expected: string, make: () => Buffer | Promise<Buffer>][] = [
    ['no byte', '400 invalid_payload', () => Buffer.alloc(0)],
    ['a JPEG that was cut off', '400 invalid_payload', () => photo.subarray(0, photo.length - 40)],
    ['a whole header over damaged pixels', '400 invalid_payload', damagedPng],
    [
      'a header that claims 65,535²',
      '400 invalid_payload',
      () => withTail(jpegClaim(65_535, 65_535), Buffer.alloc(200)),
    ],
    ['a PNG that claims more than it holds', '400 invalid_payload', () => pngClaim(2_000, 2_000)],
    ['an SVG', '415 unsupported_media_type', () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['a page named like a photo', '415 unsupported_media_type', () => Buffer.from('<!doctype html><script>1</script>')],
    ['an animation', '415 unsupported_media_type', () => makeAnimation('webp')],
    ['an archive that begins with a GIF', '415 unsupported_media_type', () => Buffer.from(`GIF89a${'x'.repeat(99)}`)],
    ['a HEIC photo', '415 unsupported_media_type', () => heicPhoto()],
    [
      'a PNG that is an archive as well',
      '400 invalid_payload',
      async () => withTail(await makePhoto({ format: 'png' }), 'PK\x03\x04'),
    ],
  ];

  async function expectRefused(bytes: Buffer, expected: string, type = ''): Promise<void> {
    const key = { setting_key: 'style_media_id' };
    expect(refusal(await sendMedia(admin, bytes, {}, type))).toBe(expected);
    expect(refusal(await sendTemplate(admin, bytes, key, type))).toBe(expected);
    expect([await countRows('media_object'), await countRows('template_media')]).toEqual([0, 0]);
    expect(await server.files()).toEqual([]);
  }

  it.each(hostile)('%s', async (_, expected, make) => expectRefused(await make(), expected));

  it('a PNG declared as a JPEG', async () =>
    expectRefused(await makePhoto({ format: 'png' }), '415 unsupported_media_type', 'image/jpeg'));

  it('a form whose fault comes after its file', async () => {
    const late = (name: string, value: string): Promise<HttpAnswer> =>
      sendForm(admin, MEDIA_PATH, [filePart(photo), { name, value }]);
    expect(refusal(await late('job_id', randomUUID()))).toBe('404 not_found');
    expect(refusal(await late('job_id', 'none'))).toBe('400 invalid_payload');
    expect(refusal(await late('expires_at', 'never'))).toBe('400 invalid_payload');
    expect(await server.files()).toEqual([]);
  });

  it('a second file under another name', async () => {
    const answer = await sendForm(admin, MEDIA_PATH, [{ name: 'thumbnail', fileName: 'x.png', bytes: photo }]);
    expect(errorOf(answer).details).toMatchObject({ fields: [{ pointer: '/body/thumbnail' }] });
  });
});

it('what a link shows has no place, no camera, and nothing behind its end', async () => {
  const exif = exifSegment(exifBlock({ text: 'GPS of the guest' }));
  const file = withTail(withSegments(photo, exif), '<script>alert(1)</script>');
  const { body } = await ask(bodyOf<Link>(await sendMedia(admin, file)).public_url);
  expect(body.includes('GPS of the guest')).toBe(false);
  expect(body.includes('script')).toBe(false);
});

describe('a file in the folders of templates and links that no row names', () => {
  it.each(['templates', 'public'])('goes once it is old enough: %s', async (folder) => {
    const { id } = await link();
    const place = async (ageSeconds: number): Promise<string> => {
      const path = `${folder}/${randomUUID()}.png`;
      await mkdir(join(server.mediaRoot, folder), { recursive: true });
      await writeFile(join(server.mediaRoot, path), 'left behind');
      const at = Date.now() / 1_000 - ageSeconds;
      await utimes(join(server.mediaRoot, path), at, at);
      return path;
    };
    const [old, young] = [await place(125), await place(115)];
    await utimes(join(server.mediaRoot, `public/${id}.jpg`), 0, 0);
    expect(await clean()).toMatchObject({ orphanFiles: 1 });
    expect(await server.files()).toEqual(expect.arrayContaining([`public/${id}.jpg`, young]));
    expect(await server.files()).not.toContain(old);
    await utimes(join(server.mediaRoot, young), 0, 0);
    await clean();
  });
});

/** A PNG whose structure is whole, and whose packed pixels are not. */
async function damagedPng(): Promise<Buffer> {
  const png = Buffer.from(await makePhoto({ format: 'png' }));
  const at = png.indexOf('IDAT');
  const length = png.readUInt32BE(at - 4);
  png.fill(0x5a, at + 30, at + 60);
  png.writeUInt32BE(crc32(png.subarray(at, at + 4 + length)), at + 4 + length);
  return png;
}
