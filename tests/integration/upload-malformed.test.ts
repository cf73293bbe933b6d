import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { BOUNDARY, type FormPart, formBytes } from '../support/form.ts';
import {
  LIMITS,
  NOTHING_LEFT,
  startUploadServer,
  type UploadServer,
  type UploadServerOptions,
} from '../support/upload-server.ts';

const PICTURE = randomBytes(300_000);
const FILE: FormPart = { name: 'fileToUpload', fileName: 'IMG_0003.JPG', bytes: PICTURE };

let server: UploadServer | undefined;

async function start(options?: UploadServerOptions): Promise<UploadServer> {
  server = await startUploadServer(options);
  return server;
}

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

describe('a malformed form is 400 invalid_payload and leaves nothing', () => {
  const disposition = 'Content-Disposition: form-data; name="a"';
  const value = Buffer.from('1');
  const withHead = (head: string): Buffer => formBytes([FILE, { head, bytes: value }]);
  const whole = formBytes([FILE]);
  it.each([
    ['an empty body', Buffer.alloc(0)],
    ['no boundary in the body', Buffer.from('just text')],
    ['an empty field name', formBytes([FILE, { name: '', value: '1' }])],
    ['no field name', withHead('Content-Disposition: form-data')],
    ['a field name of 256 characters', formBytes([FILE, { name: 'n'.repeat(256), value: '1' }])],
    ['a part without a head', withHead('')],
    ['another disposition', withHead('Content-Disposition: attachment; name="a"')],
    ['two dispositions', withHead(`${disposition}\r\n${disposition}`)],
    ['two names', withHead(`${disposition}; name="b"`)],
    ['an unterminated quoted string', withHead('Content-Disposition: form-data; name="a')],
    ['CR LF in a file name', withHead(`${disposition}; filename="x\r\nX-Evil: 1.jpg"`)],
    ['a bare LF in a head', withHead(`${disposition}\nX-Evil: 1`)],
    ['a line without a colon', withHead(`${disposition}\r\nhello`)],
    ['a head of more than 8 kB', withHead(`${disposition}; filename="${'x'.repeat(10_000)}"`)],
    ['an endless head', Buffer.from(`--${BOUNDARY}\r\n${disposition}${'x'.repeat(100_000)}`)],
    ['base64', withHead(`${disposition}\r\nContent-Transfer-Encoding: base64`)],
    ['text right after a boundary', Buffer.from(whole.toString('latin1').replace('\r\n', 'x\r\n'), 'latin1')],
    ['line ends of LF', Buffer.from(`--${BOUNDARY}\n${disposition}\n\n1\n--${BOUNDARY}--\n`)],
    ['an end inside of the file', whole.subarray(0, 100_000)],
    ['an end inside of a head', whole.subarray(0, 60)],
    ['an end before the last two dashes', whole.subarray(0, -4)],
    ['too much text before the first part', Buffer.concat([Buffer.alloc(70_000, 'x'), whole])],
    ['too much text after the last part', Buffer.concat([whole, Buffer.alloc(70_000, 'x')])],
    [
      '10,000 parts',
      formBytes(Array.from({ length: 10_000 }, () => ({ head: `${disposition}; filename="x"`, bytes: value }))),
    ],
    [
      'one text field too many',
      formBytes([FILE, ...Array.from({ length: LIMITS.fieldsMax + 1 }, () => ({ name: 'a', value: '1' }))]),
    ],
    [
      'a field longer than its limit',
      formBytes([FILE, { name: 'a', value: 'x'.repeat(LIMITS.fieldSizeBytesMax + 1) }]),
    ],
  ])('%s', async (_case, body) => {
    const { post } = await start();
    const { status, answer, left } = await post(body);
    expect(status).toBe(400);
    expect(JSON.parse(answer)).toMatchObject({ code: 'invalid_payload' });
    expect(left).toEqual(NOTHING_LEFT);
  });

  it.each([
    ['no boundary', 'multipart/form-data'],
    ['an empty one', 'multipart/form-data; boundary=""'],
    ['one of 71 characters', `multipart/form-data; boundary=${'b'.repeat(71)}`],
    ['one with characters that are not allowed', 'multipart/form-data; boundary="a<b>"'],
    ['one that ends in a blank', 'multipart/form-data; boundary="a "'],
    ['two', 'multipart/form-data; boundary=a; boundary=b'],
  ])('declared with a boundary: %s', async (_case, type) => {
    const { post } = await start();
    const { status, left } = await post(formBytes([FILE]), [`Content-Type: ${type}`]);
    expect(status).toBe(400);
    expect(left).toEqual(NOTHING_LEFT);
  });
});

describe('what is not a plain form is 415 unsupported_media_type, unread', () => {
  it.each([
    ['text/plain', ['Content-Type: text/plain']],
    ['no type', ['Content-Type:']],
    ['a gzip body', ['Content-Encoding: gzip']],
    ['a gzip transfer', ['Transfer-Encoding: gzip, chunked']],
  ])('%s', async (_case, headers) => {
    const { post, openRequests } = await start();
    const { status, answer, left } = await post(Buffer.alloc(0), [...headers]);
    expect(status).toBe(415);
    expect(JSON.parse(answer)).toMatchObject({ code: 'unsupported_media_type' });
    expect(openRequests).toHaveLength(1);
    expect(left).toEqual(NOTHING_LEFT);
  });
});
