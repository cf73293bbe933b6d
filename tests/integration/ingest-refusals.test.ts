import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart, postForm } from '../support/post-form.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { countRows, expectNothingLeft } from '../support/slots.ts';

const NO_PICTURE = photoPart(Buffer.from('plain text that is no picture of any kind'), 'IMG_0003.JPG');
const WRONG = { name: 'password', value: 'wrong' };
const UPLOAD_BYTES_MAX = 100_000;
const DISABLED = 'slot-009';

let server: TestServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTestServer({ environment: { UPLOAD_BYTES_MAX: String(UPLOAD_BYTES_MAX) } });
  await updateSlot(server.db, DISABLED, { isEnabled: false });
});
afterEach(async () => {
  expect(await countRows(server)).toBe(0);
  await expectNothingLeft(server);
});
afterAll(() => server.stop());

describe('of several faults the first in the order password, slot, type is told', () => {
  it.each([
    ['the password', [WRONG, NO_PICTURE], DISABLED, '401 invalid_credentials'],
    ['the password when there is no photo either', [WRONG], DISABLED, '401 invalid_credentials'],
    ['the slot', [PASSWORD_PART, NO_PICTURE], DISABLED, '503 slot_not_configured'],
    ['the slot when there is no photo', [PASSWORD_PART], DISABLED, '503 slot_not_configured'],
    ['the type', [PASSWORD_PART, NO_PICTURE], 'slot-001', '415 unsupported_media_type'],
  ])('%s', async (_, parts, slotId, expected) => {
    expect(refusal(await postForm(server, parts, `/ingest/${slotId}`))).toBe(expected);
  });
});

describe('a fault is told as soon as it is known, also when an earlier one in the order is not known yet', () => {
  it('a slot that is not there is known from the path, before any password', async () => {
    expect(refusal(await postForm(server, [WRONG, NO_PICTURE], '/ingest/slot-999'))).toBe('404 slot_not_found');
  });

  it('a type is known before a password that comes after the file', async () => {
    expect(refusal(await postForm(server, [NO_PICTURE, WRONG]))).toBe('415 unsupported_media_type');
  });

  it('a password that comes after the file is still told before the photo is worked on', async () => {
    expect(refusal(await postForm(server, [photoPart(await makePhoto()), WRONG]))).toBe('401 invalid_credentials');
  });

  it('too many bytes are 413, whatever else is wrong', async () => {
    const large = photoPart(Buffer.alloc(UPLOAD_BYTES_MAX + 2 ** 20 + 1));
    expect(refusal(await postForm(server, [WRONG, large], `/ingest/${DISABLED}`))).toBe('413 payload_too_large');
  });
});

describe('a slot id that is none of the fifteen is 404', () => {
  it.each(['slot-000', 'slot-016', 'slot-1', 'SLOT-001', 'slot-001%20', '..%2f..%2fetc', '%00', '__proto__'])(
    '%s',
    async (slotId) => {
      expect(refusal(await postForm(server, [PASSWORD_PART, photoPart(photo)], `/ingest/${slotId}`))).toBe(
        '404 slot_not_found',
      );
    },
  );
});

describe('a station that asks for 100 Continue gets the final answer instead, and keeps its photo', () => {
  const type = `Content-Type: multipart/form-data; boundary=${BOUNDARY}`;
  const length = 'Content-Length: 90000';

  it.each([
    ['the slot is not there', [type, length], '/ingest/slot-999', 404],
    ['the body is no form', ['Content-Type: image/jpeg', length], '/ingest/slot-001', 415],
    ['the form is packed', [type, length, 'Content-Encoding: gzip'], '/ingest/slot-001', 415],
    ['the form has no boundary', ['Content-Type: multipart/form-data', length], '/ingest/slot-001', 400],
    ['the declared length is too large', [type, 'Content-Length: 90000000'], '/ingest/slot-001', 413],
    ['the method is another', [type, length], '/healthz', 405],
  ])('when %s', async (_, headers, path, status) => {
    const client = await connectRaw(server.port);
    await client.send(requestHead([...headers, 'Expect: 100-continue'], `POST ${path} HTTP/1.1`));
    const received = await client.closed;
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(received).not.toContain('100 Continue');
  });

  it('when the database cannot be reached', async () => {
    const proxy = await startDatabaseProxy(server.database);
    const cutOff = await startTestServer({
      database: server.database,
      environment: { DATABASE_URL: proxy.through(server.database.url) },
    });
    proxy.refuse();
    proxy.cut();
    const client = await connectRaw(cutOff.port);
    await client.send(requestHead([type, length, 'Expect: 100-continue']));
    expect(await client.closed).toMatch(/^HTTP\/1\.1 503 /);
    await cutOff.stop();
    await proxy.stop();
  });
});

describe('a refusal that the fields before the file decide does not wait for the file', () => {
  const fileHead = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="fileToUpload"; filename="a.jpg"\r\n\r\n`;

  it.each([
    ['a wrong password', WRONG, 'slot-001', 401],
    ['a slot that is switched off', PASSWORD_PART, DISABLED, 503],
  ])('%s', async (_, password, slotId, status) => {
    const client = await connectRaw(server.port);
    const fields = formBytes([password]).toString('latin1').replace(`--${BOUNDARY}--\r\n`, '');
    const head = [`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, 'Content-Length: 90000'];
    await client.send(requestHead([...head, 'Expect: 100-continue'], `POST /ingest/${slotId} HTTP/1.1`));
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    await client.send(`${fields}${fileHead}`);
    await client.until(new RegExp(`\r\n\r\nHTTP/1\\.1 ${status} [\\s\\S]*\\}\\}$`));
    client.socket.destroy();
    await client.closed;
  });
});
