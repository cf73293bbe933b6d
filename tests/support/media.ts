/** Uploads of administrators, and lifetimes that a test decides: time is moved in the rows. */
import sharp from 'sharp';
import type { Db } from '../../src/db/db.ts';
import { bearer } from './administrators.ts';
import type { FormPart } from './form.ts';
import type { HttpAnswer } from './http.ts';
import { postForm } from './post-form.ts';

/** Who uploads, and where. */
export interface Uploader {
  readonly url: string;
  readonly token: string;
}

/** A form's text fields. */
export type Fields = Readonly<Record<string, string>>;

export const filePart = (bytes: Buffer, type = '', fileName = 'picture.png'): FormPart => ({
  name: 'file',
  fileName,
  type,
  bytes,
});

/** Sends a form as given to an operation that takes a picture. */
export const sendForm = ({ url, token }: Uploader, path: string, parts: readonly FormPart[]): Promise<HttpAnswer> =>
  postForm({ url }, parts, path, bearer(token));

const textParts = (fields: Fields): FormPart[] => Object.entries(fields).map(([name, value]) => ({ name, value }));

export const MEDIA_PATH = '/api/media/register';
export const TEMPLATE_PATH = '/api/template-media/register';

/** Puts a picture under a public link. */
export const sendMedia = (uploader: Uploader, bytes: Buffer, fields: Fields = {}, type = ''): Promise<HttpAnswer> =>
  sendForm(uploader, MEDIA_PATH, [...textParts(fields), filePart(bytes, type)]);

/** Binds a template, by default to the frame of `slot-001`. */
export const sendTemplate = (uploader: Uploader, bytes: Buffer, fields: Fields = {}, type = ''): Promise<HttpAnswer> =>
  sendForm(uploader, TEMPLATE_PATH, [
    ...textParts({ slot_id: 'slot-001', setting_key: 'overlay_media_id', ...fields }),
    filePart(bytes, type),
  ]);

/** The JSON of an answer that must be a success. */
export function bodyOf<Value = Record<string, unknown>>({ status, body }: HttpAnswer): Value {
  if (status >= 300) throw new Error(`a success was expected, not ${status} ${body}`);
  return JSON.parse(body.toString('utf8')) as Value;
}

/** The id in the answer to a successful upload. */
export const idOf = (answer: HttpAnswer): string => bodyOf<{ id: string }>(answer).id;

/** A frame: a border of one colour around a transparent window that is half as wide and half as high. */
export function makeFrame(colour: string, widthPx = 120, heightPx = 80): Promise<Buffer> {
  const window = { width: widthPx / 2, height: heightPx / 2, channels: 4 as const, background: '#000000ff' };
  return sharp({ create: { width: widthPx, height: heightPx, channels: 4, background: colour } })
    .composite([{ input: { create: window }, left: widthPx / 4, top: heightPx / 4, blend: 'dest-out' }])
    .png()
    .toBuffer();
}

/** The colour of one pixel. */
export async function pixelAt(picture: Buffer, left: number, top: number): Promise<readonly number[]> {
  const pixel = await sharp(picture)
    .extract({ left: Math.floor(left), top: Math.floor(top), width: 1, height: 1 })
    .removeAlpha()
    .raw()
    .toBuffer();
  return [...pixel];
}

/** Lets a public link end `seconds` from now; negative: it is over for so long. */
export async function setLinkLeft(db: Db, id: string, seconds: number): Promise<void> {
  await db.pool.query(
    `update media_object set created_at = created_at - interval '1 hour',
       expires_at = clock_timestamp() + $2 * interval '1 second' where id = $1`,
    [id, seconds],
  );
}

/** Lets a template have been deleted so much earlier. */
export async function ageDeletion(db: Db, id: string, seconds: number): Promise<void> {
  await db.pool.query(`update template_media set deleted_at = deleted_at - $2 * interval '1 second' where id = $1`, [
    id,
    seconds,
  ]);
}
