import { createHash } from 'node:crypto';
import { copyFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { administratorToken } from '../support/administrators.ts';
import { makePhoto } from '../support/images.ts';
import { type JobDesk, openJobDesk } from '../support/jobs.ts';
import { connectRaw, type RawClient, requestHead } from '../support/raw-http.ts';
import { makeResult, resultPathOf, setRetentionLeft } from '../support/results.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually, expectNothingLeft } from '../support/slots.ts';
import { openFilesIn } from '../support/upload-server.ts';
import { readZip } from '../support/zip-reader.ts';

let server: TestServer;
let desk: JobDesk;
let token: string;
let photo: Buffer;
let results: { jobId: string; picture: Buffer }[];

beforeAll(async () => {
  photo = await makePhoto({ widthPx: 1_600, heightPx: 1_200 });
  server = await startTestServer();
  desk = await openJobDesk(server);
  token = await administratorToken(server, ['stats:read']);
  results = [];
  for (let index = 0; index < 6; index += 1) results.push(await makeResult(server, photo));
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const ARCHIVE = '/slots/slot-001/results.zip';

/** Asks for the archive over a connection of its own, and reads nothing of it until the test says so. */
async function beginReading(slotId: string, method = 'GET'): Promise<RawClient> {
  const client = await connectRaw(server.port, { isReading: false });
  const headers = [`Authorization: Bearer ${token}`, 'Connection: close'];
  await client.send(requestHead(headers, `${method} /api/slots/${slotId}/results.zip HTTP/1.1`));
  return client;
}

const remove = async (ids: readonly string[]): Promise<void> => {
  for (const id of ids) await desk.ask(`/jobs/${id}/result`, { method: 'DELETE' });
};

/** A slot of its own results, each as large as is said, named by rows and made by hand: far faster than posting photos. */
async function fillSlot(slotId: string, count: number, sizeBytes: number): Promise<string[]> {
  const [first] = results;
  const source = (await resultPathOf(server.db, first?.jobId ?? '')) ?? '';
  const { rows } = await server.db.pool.query<{ id: string; path: string }>(
    `with copied as (
      select j.*, uuidv7() as new_id from job j, generate_series(1, $3::int) where j.id = $1
    )
    insert into job (id, slot_id, provider_id, operation_id, snapshot, status, is_finalized, claim_no, attempt_no, result_file_path,
      result_mime_type, result_size_bytes, result_checksum, result_provider_id, result_expires_at, created_at, expires_at, started_at, finalized_at)
    select new_id, $2, provider_id, operation_id, snapshot, status, true, 1, 1, replace($4, $1::text, new_id::text), result_mime_type, $5,
      result_checksum, result_provider_id, result_expires_at, created_at, expires_at, started_at, finalized_at from copied
    returning id, result_file_path as path`,
    [first?.jobId, slotId, count, source, sizeBytes],
  );
  const thumbnail = (path: string) => path.replace(/\.jpg$/, '.thumb.jpg');
  for (const { path } of rows) {
    await copyFile(join(server.mediaRoot, source), join(server.mediaRoot, path));
    await truncate(join(server.mediaRoot, path), sizeBytes);
    await copyFile(join(server.mediaRoot, thumbnail(source)), join(server.mediaRoot, thumbnail(path)));
  }
  return rows.map(({ id }) => id).sort();
}

describe('the archive of a slot', () => {
  it('has every picture as it is, named by its time and job, oldest first', async () => {
    const members = readZip((await desk.ask(ARCHIVE)).body);
    const jobs = await Promise.all(results.map(async ({ jobId }) => (await desk.read(`/jobs/${jobId}`)).job));
    expect(members.map(({ name }) => name)).toEqual(
      jobs.map(({ id, finalized_at: at }) => `${at.slice(0, 19).replace('T', '_').replaceAll(':', '-')}_${id}.jpg`),
    );
    expect(members.map(({ bytes }) => sha256(bytes))).toEqual(jobs.map((job) => job.result_checksum));
    for (const [index, { modifiedAt }] of members.entries())
      expect(Math.abs(modifiedAt.getTime() - Date.parse(jobs[index].finalized_at))).toBeLessThan(1_000);
  });

  it('is named after the slot and the day, and of unknown length', async () => {
    const { headers } = await desk.ask(ARCHIVE);
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="slot-001_${new Date().toISOString().slice(0, 10)}.zip"`,
    );
    expect(headers.has('content-length')).toBe(false);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('has the pictures from a time on and before a time', async () => {
    const jobs = await Promise.all(results.map(async ({ jobId }) => (await desk.read(`/jobs/${jobId}`)).job));
    const [, second, , fourth] = jobs;
    const range = new URLSearchParams({ from: second.finalized_at, to: fourth.finalized_at });
    const names = readZip((await desk.ask(`${ARCHIVE}?${range}`)).body).map(({ name }) => name.slice(20, 56));
    expect(names).toEqual(jobs.slice(1, 3).map(({ id }) => id));
    expect(readZip((await desk.ask(`${ARCHIVE}?to=2026-01-01`)).body)).toEqual([]);
  });

  it('has more pictures than are read from the database at once', async () => {
    const ids = await fillSlot('slot-005', 250, 1_000);
    const members = readZip((await desk.ask('/slots/slot-005/results.zip')).body);
    expect(members.map(({ name }) => name.slice(20, 56)).sort()).toEqual(ids);
    expect(await openFilesIn(server.mediaRoot)).toEqual([]);
  });

  it('leaves out what expired, was deleted, or is not there', async () => {
    const [over, deleted, lost] = [
      await makeResult(server, photo),
      await makeResult(server, photo),
      await makeResult(server, photo),
    ];
    await setRetentionLeft(server.db, over.jobId, 0);
    await remove([deleted.jobId]);
    const path = join(server.mediaRoot, (await resultPathOf(server.db, lost.jobId)) ?? '');
    await rm(path);
    const names = readZip((await desk.ask(ARCHIVE)).body).map(({ name }) => name.slice(20, 56));
    expect(names).toEqual(results.map(({ jobId }) => jobId));
    await remove([over.jobId, lost.jobId]);
  });

  it('leaves out what is deleted while it is being sent', async () => {
    const ids = await fillSlot('slot-006', 8, 4_000_000);
    const client = await beginReading('slot-006');
    await eventually(async () => expect(await openFilesIn(server.mediaRoot)).toHaveLength(1));
    await remove(ids.slice(-1));
    client.socket.resume();
    const received = Buffer.from(await client.closed, 'latin1');
    const names = readZip(withoutChunks(received)).map(({ name }) => name.slice(20, 56));
    expect(names).toEqual(ids.slice(0, -1));
    await remove(ids);
  });
});

describe('while the archive is being sent', () => {
  it('one file is open at a time, and none once the client has left', async () => {
    const ids = await fillSlot('slot-007', 4, 8_000_000);
    const client = await beginReading('slot-007');
    await eventually(async () => expect(await openFilesIn(server.mediaRoot)).toHaveLength(1));
    client.socket.destroy();
    await eventually(async () => expect(await openFilesIn(server.mediaRoot)).toEqual([]));
    await server.waitForLine({ msg: 'request', operation: 'downloadSlotResults', sent: 'gone' });
    await remove(ids);
  });

  it('a picture that is shorter than it was said to be cuts the connection: no broken archive ends properly', async () => {
    const ids = await fillSlot('slot-008', 3, 6_000_000);
    const client = await beginReading('slot-008');
    await eventually(async () => expect(await openFilesIn(server.mediaRoot)).toHaveLength(1));
    const [open = ''] = await openFilesIn(server.mediaRoot);
    await truncate(open, 1_000);
    client.socket.resume();
    const received = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received.endsWith('0\r\n\r\n')).toBe(false);
    expect(() => readZip(withoutChunks(Buffer.from(received, 'latin1')))).toThrow('the archive has no end');
    expect(await openFilesIn(server.mediaRoot)).toEqual([]);
    await remove(ids);
  });

  it('HEAD answers the head of GET and opens no file', async () => {
    const answer = await desk.ask(ARCHIVE, { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(answer.body).toHaveLength(0);
    expect(answer.headers.get('content-type')).toBe('application/zip');
    const client = await beginReading('slot-001', 'HEAD');
    client.socket.resume();
    expect(await client.closed).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
    expect(await openFilesIn(server.mediaRoot)).toEqual([]);
  });
});

/** The body of a raw answer that was sent in chunks; as far as it came. */
function withoutChunks(answer: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = answer.indexOf('\r\n\r\n') + 4; at < answer.length; ) {
    const end = answer.indexOf('\r\n', at);
    const size = Number.parseInt(answer.toString('latin1', at, end), 16);
    if (end < 0 || !(size > 0)) break;
    pieces.push(answer.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(pieces);
}
