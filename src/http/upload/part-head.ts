/** The head of one part of a form (RFC 7578 §4): from hostile bytes to a few short, harmless strings. */
import { parseParameterisedValue } from './header-parameters.ts';
import { invalidPayload } from './upload-errors.ts';

/** A part's name, what it calls its file, and its declared type; control characters are U+FFFD in all of them. */
export interface PartHead {
  readonly fieldName: string;
  readonly isFile: boolean;
  /** Without directories; missing when the client named none. For people to read: never part of a path. */
  readonly fileName: string | undefined;
  readonly declaredMimeType: string;
}

const NAME_LENGTH_MAX = 255;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:(.*)$/s;
// the controls, and the two line separators that logs and browsers obey
const CONTROL_CHARACTERS = /[\p{Cc}\u2028\u2029]/gu;

/**
 * Reads everything between a boundary and the empty line after the head: the blanks that may follow a boundary (RFC 2046 §5.1.1), a
 * line end, header lines.
 *
 * A part is a file when it names one, or when its type is binary. `filename*` only marks it as one: RFC 7578 §4.2 forbids that form.
 *
 * @throws DomainError `invalid_payload`: malformed lines, no `form-data` disposition, a missing, empty or overlong field name, an
 * encoded body.
 */
export function parsePartHead(bytes: Buffer): PartHead {
  const headers = readHeaderLines(bytes.toString('utf8'));
  const disposition = parseParameterisedValue(headers.get('content-disposition') ?? '');
  if (disposition?.value !== 'form-data') throw invalidPayload('A part of the form has no valid Content-Disposition.');
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (encoding !== 'binary' && encoding !== '8bit' && encoding !== '7bit') {
    throw invalidPayload('A part of the form has a Content-Transfer-Encoding; only plain bytes are accepted.');
  }
  const fieldName = disposition.parameters.get('name') ?? '';
  if (fieldName === '') throw invalidPayload('A part of the form has no name.');
  if (fieldName.length > NAME_LENGTH_MAX) {
    throw invalidPayload(`A part of the form has a name of more than ${NAME_LENGTH_MAX} characters.`);
  }
  const fileName = disposition.parameters.get('filename');
  const declared = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  const isFile =
    fileName !== undefined ||
    disposition.parameters.has('filename*') ||
    declared === 'application/octet-stream' ||
    declared?.startsWith('image/') === true;
  return {
    fieldName: harmless(fieldName),
    isFile,
    fileName:
      harmless(fileName?.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1) ?? '') || undefined,
    declaredMimeType: harmless(declared || (isFile ? 'application/octet-stream' : 'text/plain')),
  };
}

function readHeaderLines(text: string): Map<string, string> {
  const [padding, ...lines] = text.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = new Map<string, string>();
  if (padding?.trim() !== '') throw invalidPayload('A boundary of the form is followed by other text.');
  for (const line of lines) {
    const match = HEADER_LINE.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (match === null || name === undefined || /[\r\n]/.test(line) || headers.has(name)) {
      throw invalidPayload('A part of the form has a malformed head.');
    }
    headers.set(name, match[2]?.trim() ?? '');
  }
  return headers;
}

/** A copy of its own: a slice would keep the whole head alive as long as the request is held. */
function harmless(text: string): string {
  return Buffer.from(text.slice(0, NAME_LENGTH_MAX).replace(CONTROL_CHARACTERS, '\ufffd'), 'utf8').toString('utf8');
}
