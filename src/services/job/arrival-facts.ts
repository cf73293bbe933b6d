/** What can be said of a station's request without repeating any value of it: collected while the upload runs, for the inspector. */
import { DomainError } from '../../domain/errors.ts';
import type { ImageFacts } from '../../domain/images.ts';
import type { PasswordFinding } from '../../domain/station-request.ts';
import type { ImageInspector, UploadedPart } from '../../media/upload.ts';

const NAME_LENGTH_MAX = 100;
const USER_AGENT_LENGTH_MAX = 200;
const FIELDS_MAX = 64;
const QUERY_NAMES_MAX = 20;

/** Of fields that are named like this not even the length is told: people mistype where the password belongs. */
const SECRET_NAME = /pass|pwd|secret|token|key/i;

interface ArrivedFile {
  readonly part: UploadedPart;
  /** Undefined where it was passed over. */
  sizeBytes: number | undefined;
  image: ImageFacts | undefined;
}

/** A request that is arriving. */
export interface ArrivalFacts {
  uploadBytes: number;
  password: PasswordFinding;
  fields: { readonly name: string; readonly size_bytes: number | null }[];
  file: ArrivedFile | undefined;
}

/** Nothing has arrived yet. */
export const newArrivalFacts = (): ArrivalFacts => ({
  uploadBytes: 0,
  password: 'unchecked',
  fields: [],
  file: undefined,
});

/** A text field was read. */
export function noteField(facts: ArrivalFacts, name: string, value: string): void {
  if (facts.fields.length >= FIELDS_MAX) return;
  const sizeBytes = SECRET_NAME.test(name) ? null : Buffer.byteLength(value);
  facts.fields.push({ name: clip(name, NAME_LENGTH_MAX), size_bytes: sizeBytes });
}

/** A file part begins; unless it is taken, only the first one is remembered. */
export function noteFile(facts: ArrivalFacts, part: UploadedPart): void {
  facts.file ??= { part, sizeBytes: undefined, image: undefined };
}

/** The part is taken as the photo: everything its inspector sees is counted. */
export function watchPhoto(facts: ArrivalFacts, part: UploadedPart, inspector: ImageInspector): ImageInspector {
  const file: ArrivedFile = { part, sizeBytes: 0, image: undefined };
  facts.file = file;
  return {
    push(chunk) {
      file.sizeBytes = (file.sizeBytes ?? 0) + chunk.length;
      inspector.push(chunk);
    },
    end() {
      file.image = inspector.end();
      return file.image;
    },
  };
}

/** What came with the request beside its body. */
export interface ArrivalHead {
  readonly userAgent: string | undefined;
  readonly queryNames: readonly string[];
}

/**
 * The facts as one short JSON text, with the names that clients see.
 *
 * @param refusal why it was refused; an inspector that refuses a picture says in its details what it found.
 */
export function packArrival({ uploadBytes, fields, file }: ArrivalFacts, head: ArrivalHead, refusal?: unknown): string {
  return JSON.stringify({
    upload_bytes: uploadBytes,
    user_agent: head.userAgent === undefined ? null : clip(head.userAgent, USER_AGENT_LENGTH_MAX),
    fields,
    file: file === undefined ? null : packFile(file, refusal instanceof DomainError ? refusal : undefined),
    query_names: head.queryNames.slice(0, QUERY_NAMES_MAX).map((name) => clip(name, NAME_LENGTH_MAX)),
  });
}

function packFile({ part, sizeBytes, image }: ArrivedFile, refusal: DomainError | undefined) {
  const { found, width_px: width, height_px: height } = refusal?.details ?? {};
  return {
    field_name: clip(part.fieldName, NAME_LENGTH_MAX),
    name: part.fileName === undefined ? null : clip(part.fileName, NAME_LENGTH_MAX),
    declared_type: clip(part.declaredMimeType, NAME_LENGTH_MAX),
    size_bytes: sizeBytes ?? null,
    detected_type: image?.mimeType ?? (typeof found === 'string' ? found : null),
    width: image?.widthPx ?? (typeof width === 'number' ? width : null),
    height: image?.heightPx ?? (typeof height === 'number' ? height : null),
  };
}

// PostgreSQL's jsonb takes neither U+0000 nor half a surrogate pair
const clip = (text: string, lengthMax: number): string =>
  text.slice(0, lengthMax).replaceAll('\0', '\uFFFD').toWellFormed();
