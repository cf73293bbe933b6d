import { BOUNDARY, type FormPart, formBytes } from './form.ts';
import { ask, type HttpAnswer } from './http.ts';
import { INGEST_PASSWORD } from './server.ts';

/** The part that opens ingest. */
export const PASSWORD_PART: FormPart = { name: 'password', value: INGEST_PASSWORD };

/** The part that holds the photo. */
export const photoPart = (bytes: Buffer, fileName = 'IMG_0003.JPG', type = 'image/jpeg'): FormPart => ({
  name: 'fileToUpload',
  fileName,
  type,
  bytes,
});

/** Posts a form exactly as given to a path of a server. */
export function postForm(
  server: { readonly url: string },
  parts: readonly FormPart[],
  path = '/ingest/slot-001',
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  const body = formBytes(parts);
  return ask(`${server.url}${path}`, {
    method: 'POST',
    headers: {
      'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`,
      'Content-Length': String(body.length),
      ...headers,
    },
    body,
  });
}
