/** Receiving the form of a test run: its text fields, and one photo for all its jobs. */
import type { ImageMimeType } from '../../domain/images.ts';
import type { ReceivedFile, ReceiveUpload } from '../../media/upload.ts';
import { type FormFields, faultOf, invalidForm } from '../media/receive-picture.ts';
import { TEST_FIELDS } from './read-test-form.ts';
import type { TestRunDeps } from './test-run-deps.ts';

const PHOTO_FIELD = 'file';
/** Six candidates with their longest prompts, each character of six bytes, are far below. */
const FIELD_SIZE_BYTES_MAX = 262_144;
/** As many parts as the form has, and some that come twice. */
const PARTS_MAX = 16;
const IDLE_TIMEOUT_MS = 15_000;

/** A form on its way. */
export interface TestUpload {
  readonly receiveUpload: ReceiveUpload;
  /** Where the photo is to lie. */
  readonly absolutePath: string;
  /** Judges the fields that came before the photo, so that what cannot be tried is refused before the photo is sent. */
  readonly admit: (fields: FormFields) => Promise<void>;
  /** Ends the upload. */
  readonly signal: AbortSignal;
}

/**
 * Takes the photo to disk, as it is. Taken is what any provider takes: which of those that are tried can read it is theirs to say.
 *
 * @throws DomainError `invalid_payload`, `unsupported_media_type`, `payload_too_large`, `storage_unavailable`, or what `admit` throws;
 * no file is left then.
 */
export async function receiveTestPhoto(
  deps: TestRunDeps,
  { receiveUpload, absolutePath, admit, signal }: TestUpload,
): Promise<{ readonly fields: FormFields; readonly file: ReceivedFile }> {
  const { uploadBytesMax, imagePixelsMax } = deps.limits;
  const { fields, file } = await receiveUpload(
    {
      onField: (name) => {
        if (!TEST_FIELDS.some((known) => known === name)) throw unknownField(name);
      },
      onFile: async ({ fieldName, declaredMimeType }, given) => {
        demandPhoto(fieldName);
        await admit(given);
        await deps.store.assertFreeSpace();
        const acceptedMimeTypes = typesOfAll(deps);
        const inspector = deps.createInspector({ declaredMimeType, acceptedMimeTypes, pixelsMax: imagePixelsMax });
        return { path: absolutePath, inspector };
      },
      onExtraFile: ({ fieldName }) => demandPhoto(fieldName),
    },
    {
      fileSizeBytesMax: uploadBytesMax,
      fieldsMax: PARTS_MAX,
      fieldSizeBytesMax: FIELD_SIZE_BYTES_MAX,
      partsMax: PARTS_MAX,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    },
    signal,
  );
  if (file === undefined) throw invalidForm([faultOf(PHOTO_FIELD, 'is required', 'required')]);
  return { fields, file };
}

const typesOfAll = ({ providers }: TestRunDeps): ImageMimeType[] => [
  ...new Set([...providers.values()].flatMap(({ description }) => description.mimeTypes)),
];

/** A field that came as a file would otherwise be passed over, and something else be tried than what was meant. */
function demandPhoto(fieldName: string): void {
  if (fieldName === PHOTO_FIELD) return;
  if (!TEST_FIELDS.some((known) => known === fieldName)) throw unknownField(fieldName);
  throw invalidForm([faultOf(fieldName, 'is sent as a file: send it as text', 'type')]);
}

const unknownField = (name: string) =>
  invalidForm([faultOf(name.replaceAll('~', '~0').replaceAll('/', '~1'), 'is not known', 'additionalProperties')]);
