import { createHash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import type { UploadedPart } from '../../src/media/upload.ts';
import { BOUNDARY, type FormPart, formBytes } from '../support/form.ts';
import {
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

describe('a form', () => {
  it("arrives as the station sends it: all fields, the picture's bytes and hash, a file for its owner alone", async () => {
    const { post } = await start();
    const parts = [
      { name: 'time', value: '1700000000' },
      { name: 'profile', value: 'C:\\Users\\booth\\profile.xml' },
      { name: 'password', value: 'öffne dich' },
      FILE,
    ];
    const { status, upload, bytes, mode, left } = await post(formBytes(parts));
    expect(status).toBe(200);
    expect([...(upload?.fields ?? [])]).toEqual([
      ['time', '1700000000'],
      ['profile', 'C:\\Users\\booth\\profile.xml'],
      ['password', 'öffne dich'],
    ]);
    expect(upload?.file).toMatchObject({
      fileName: 'IMG_0003.JPG',
      sizeBytes: PICTURE.length,
      sha256: createHash('sha256').update(PICTURE).digest('hex'),
      facts: { mimeType: 'image/jpeg', widthPx: 1, heightPx: 1, orientation: 1 },
    });
    expect(bytes?.equals(PICTURE)).toBe(true);
    expect(mode).toBe(0o600);
    expect(left).toEqual(NOTHING_LEFT);
  });

  it('may have its fields after the file; only those before it are known when the file is decided on', async () => {
    const known: string[] = [];
    const { post } = await start({ onFile: (_part, fields) => void known.push(...fields.keys()) });
    const { upload } = await post(formBytes([{ name: 'id', value: '1' }, FILE, { name: 'password', value: 'secret' }]));
    expect(known).toEqual(['id']);
    expect([...(upload?.fields.keys() ?? [])]).toEqual(['id', 'password']);
  });

  it('has of each field its first value, and only that one is shown', async () => {
    const shown: string[] = [];
    const { post } = await start({ onField: (name, value) => void shown.push(`${name}=${value}`) });
    const { upload } = await post(
      formBytes([
        { name: 'password', value: 'one' },
        { name: 'password', value: 'two' },
      ]),
    );
    expect(upload?.fields).toEqual(new Map([['password', 'one']]));
    expect(shown).toEqual(['password=one']);
  });

  it('may name a field like a property of objects', async () => {
    const { post } = await start();
    const { upload } = await post(
      formBytes([
        { name: '__proto__', value: 'a' },
        { name: 'constructor', value: 'b' },
      ]),
    );
    expect([...(upload?.fields ?? [])]).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    expect(upload?.file).toBeUndefined();
  });

  it('keeps the first accepted file; those before it are skipped, those after it not even asked about', async () => {
    const asked: string[] = [];
    const onFile = ({ fileName = '' }: UploadedPart): unknown => {
      asked.push(fileName);
      return fileName !== 'notes.txt' && undefined;
    };
    const { post } = await start({ onFile });
    const other = { name: 'a', fileName: 'notes.txt', type: 'text/plain', bytes: Buffer.from('x'.repeat(100_000)) };
    const { upload, bytes, left } = await post(
      formBytes([other, FILE, { ...FILE, fileName: 'second.jpg' } as FormPart]),
    );
    expect(asked).toEqual(['notes.txt', 'IMG_0003.JPG']);
    expect(upload?.file?.fileName).toBe('IMG_0003.JPG');
    expect(bytes?.equals(PICTURE)).toBe(true);
    expect(left).toEqual(NOTHING_LEFT);
  });

  it.each([
    ['no part at all', formBytes([]), []],
    [
      'text before and after',
      Buffer.concat([Buffer.from('hello\r\n'), formBytes([{ name: 'a', value: '1' }]), Buffer.from('bye')]),
      ['1'],
    ],
    ['an empty value', formBytes([{ name: 'a', value: '' }]), ['']],
    [
      'a value that looks like a boundary',
      formBytes([{ name: 'a', value: `\r\n--${BOUNDARY.slice(0, -1)}\r\n` }]),
      [`\r\n--${BOUNDARY.slice(0, -1)}\r\n`],
    ],
    [
      'blanks after a boundary',
      Buffer.from(
        formBytes([{ name: 'a', value: '1' }])
          .toString()
          .replace('\r\n', ' \t\r\n'),
      ),
      ['1'],
    ],
    [
      'a folded header',
      formBytes([{ head: 'Content-Disposition: form-data;\r\n name="a"', bytes: Buffer.from('1') }]),
      ['1'],
    ],
    ['bytes that are not UTF-8', formBytes([{ name: 'a', value: Buffer.from([0x61, 0xff]) }]), ['a\ufffd']],
    ['U+0000, which the database cannot store', formBytes([{ name: 'a', value: 'a\0b' }]), ['a\ufffdb']],
  ])('may have %s', async (_case, body, values) => {
    const { post } = await start();
    const { status, upload, left } = await post(body);
    expect(status).toBe(200);
    expect([...(upload?.fields.values() ?? [])]).toEqual(values);
    expect(left).toEqual(NOTHING_LEFT);
  });

  it.each([
    ['../../x', 'x'],
    ['C:\\photos\\IMG 1.JPG', 'IMG 1.JPG'],
    ['a\0b\u0085.jpg', 'a\ufffdb\ufffd.jpg'],
    ['line\u2028break.jpg', 'line\ufffdbreak.jpg'],
    [`${'é'.repeat(300)}.jpg`, 'é'.repeat(255)],
    ['say \\"cheese\\".jpg', 'say "cheese".jpg'],
    ['', undefined],
    ['photos/', undefined],
  ])('may call its file %j, which is known as %j', async (given, known) => {
    const { post } = await start();
    const { upload, left } = await post(formBytes([{ name: 'f', fileName: given, bytes: PICTURE }]));
    expect(upload?.file?.sizeBytes).toBe(PICTURE.length);
    expect(upload?.file?.fileName).toBe(known);
    expect(left).toEqual(NOTHING_LEFT);
  });

  it.each([
    ['only filename*, whose value is ignored', `name="f"; filename*=UTF-8''..%2Fx.jpg`, undefined],
    ['filename* beside filename, which counts', `name="f"; filename="a.jpg"; filename*=UTF-8''b.jpg`, 'a.jpg'],
    ['an unquoted name with blanks', 'name=f; filename=IMG 3.JPG', 'IMG 3.JPG'],
    ['no name but the type of a picture', 'name="f"\r\nContent-Type: image/png', undefined],
  ])('has a file where the part has %s', async (_case, rest, known) => {
    const { post } = await start();
    const { upload } = await post(formBytes([{ head: `Content-Disposition: form-data; ${rest}`, bytes: PICTURE }]));
    expect(upload?.file?.sizeBytes).toBe(PICTURE.length);
    expect(upload?.file?.fileName).toBe(known);
  });
});

describe('the disk', () => {
  it('is never made to overwrite or remove a file that was there', async () => {
    const { post, directory } = await start({ onFile: () => join(directory, 'taken') });
    await writeFile(join(directory, 'taken'), 'precious');
    const { status, answer, left } = await post(formBytes([FILE]));
    expect(status).toBe(503);
    expect(JSON.parse(answer)).toMatchObject({ code: 'storage_unavailable' });
    expect(left).toEqual({ ...NOTHING_LEFT, files: ['taken'] });
    expect(await readFile(join(directory, 'taken'), 'utf8')).toBe('precious');
  });

  it('refuses with 503 storage_unavailable, whose message does not tell the path', async () => {
    const { post, directory } = await start({ onFile: () => join(directory, 'missing', 'x') });
    const { status, error, left } = await post(formBytes([FILE]));
    expect(status).toBe(503);
    expect((error as DomainError).message).not.toContain(directory);
    expect((error as DomainError).cause).toMatchObject({ code: 'ENOENT' });
    expect(left).toEqual(NOTHING_LEFT);
  });
});

describe('a refusal by those who decide leaves nothing', () => {
  const refusal = new DomainError('unsupported_media_type', 'Not a picture.');
  const refuse = (): never => {
    throw refusal;
  };
  it.each<[string, UploadServerOptions]>([
    ['about a field', { onField: refuse }],
    ['about a file', { onFile: refuse }],
    ['about the bytes', { inspector: { push: refuse } }],
    ['about the whole picture', { inspector: { end: refuse } }],
  ])('%s', async (_case, options) => {
    const { post } = await start(options);
    const { error, left } = await post(formBytes([{ name: 'a', value: '1' }, FILE]));
    expect(error).toBe(refusal);
    expect(left).toEqual(NOTHING_LEFT);
  });

  it('and bytes are judged before they are written: nothing that was refused reached the disk', async () => {
    let sizeAtRefusal = -1;
    const path = (): string => join(server?.directory ?? '', 'picture');
    const { post } = await start({
      onFile: path,
      inspector: {
        push() {
          sizeAtRefusal = statSync(path()).size;
          throw refusal;
        },
      },
    });
    await post(formBytes([FILE]));
    expect(sizeAtRefusal).toBe(0);
  });
});
