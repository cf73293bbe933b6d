/** Receiving a picture that an administrator uploads as a form, and keeping it under an id of its own. */
import { randomUUID } from 'node:crypto';
import { DomainError, type FieldFault } from '../../domain/errors.ts';
import type { ImageMimeType } from '../../domain/images.ts';
import { UnacceptableImageError } from '../../domain/unacceptable-image.ts';
import type { PreparedPicture, PreparePicture } from '../../media/picture.ts';
import type { MediaStore, PictureFolder } from '../../media/store.ts';
import type { ImageInspector, ReceivedUpload, ReceiveUpload } from '../../media/upload.ts';
import type { InspectorOptions } from '../job/ingest-deps.ts';

/** What receiving a picture needs. */
export interface PictureDeps {
  readonly store: MediaStore;
  readonly createInspector: (options: InspectorOptions) => ImageInspector;
  readonly preparePicture: PreparePicture;
  readonly limits: { readonly uploadBytesMax: number; readonly imagePixelsMax: number };
}

/** The text fields of a form: the first of each name. */
export type FormFields = ReadonlyMap<string, string>;

/** A form with one picture, on its way. */
export interface PictureForm {
  readonly receiveUpload: ReceiveUpload;
  readonly textFields: readonly string[];
  /**
   * Judges the text fields and says which types are taken. Asked when the file begins, with the fields that came before it, so
   * that what cannot succeed is refused before the file is sent; and again with all of them.
   */
  readonly admit: (fields: FormFields, isComplete: boolean) => Promise<readonly ImageMimeType[]>;
  /** Ends the upload. */
  readonly signal: AbortSignal;
}

const FILE_FIELD = 'file';
const FIELD_SIZE_BYTES_MAX = 1_024;
/** As many parts as a form of any operation has, and some that come twice. */
const PARTS_MAX = 16;
const IDLE_TIMEOUT_MS = 15_000;

/** What is decoded here, and so can be taken. */
export const KEPT_TYPES: readonly ImageMimeType[] = ['image/jpeg', 'image/png', 'image/webp'];

/**
 * Receives the form and makes its picture fit to be kept. Nothing of the upload is left on disk, whatever happens.
 *
 * @throws DomainError `invalid_payload`, `unsupported_media_type`, `payload_too_large`, `storage_unavailable`, or what
 * `form.admit` throws.
 */
export async function receivePicture(
  deps: PictureDeps,
  form: PictureForm,
): Promise<{ readonly fields: FormFields; readonly picture: PreparedPicture }> {
  const place = deps.store.payloadPath(randomUUID(), 'upload');
  try {
    const { fields, file } = await receive(deps, form, place.absolutePath);
    const accepted = await form.admit(fields, true);
    if (file === undefined) throw invalidForm([faultOf(FILE_FIELD, 'is required', 'required')]);
    const { mimeType } = file.facts;
    if (!accepted.includes(mimeType)) {
      throw new DomainError('unsupported_media_type', `${mimeType} is not taken here. Send ${accepted.join(' or ')}.`, {
        details: { found: mimeType, accepted },
      });
    }
    return { fields, picture: await prepare(deps, place.absolutePath) };
  } finally {
    // what cannot be removed now is found by the sweep for orphans
    await deps.store.remove(place.path).catch(() => undefined);
  }
}

function receive(deps: PictureDeps, form: PictureForm, path: string): Promise<ReceivedUpload> {
  const { uploadBytesMax, imagePixelsMax } = deps.limits;
  return form.receiveUpload(
    {
      onField: (name) => {
        if (!form.textFields.includes(name)) throw unknownField(name);
      },
      onFile: async ({ fieldName, declaredMimeType }, fields) => {
        if (fieldName !== FILE_FIELD) throw unknownField(fieldName);
        const acceptedMimeTypes = await form.admit(fields, false);
        await deps.store.assertFreeSpace();
        return {
          path,
          inspector: deps.createInspector({ declaredMimeType, acceptedMimeTypes, pixelsMax: imagePixelsMax }),
        };
      },
    },
    {
      fileSizeBytesMax: uploadBytesMax,
      fieldsMax: PARTS_MAX,
      fieldSizeBytesMax: FIELD_SIZE_BYTES_MAX,
      partsMax: PARTS_MAX,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    },
    form.signal,
  );
}

async function prepare(deps: PictureDeps, absolutePath: string): Promise<PreparedPicture> {
  try {
    return await deps.preparePicture(absolutePath, { pixelsMax: deps.limits.imagePixelsMax });
  } catch (error) {
    if (!(error instanceof UnacceptableImageError)) throw error;
    throw invalidForm([faultOf(FILE_FIELD, 'is not a whole picture', 'picture')], error);
  }
}

/** A picture that lies in the store; nothing names it yet. */
export interface KeptPicture {
  readonly id: string;
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Stores a picture under a new random id (122 random bits) and lets `work` name it. When that fails, the file is gone again;
 * when it is not known whether it failed (the database did not answer), the sweep for orphans decides by the rows.
 *
 * @throws DomainError `storage_unavailable`, or what `work` throws.
 */
export async function keepPicture<Named>(
  { store }: Pick<PictureDeps, 'store'>,
  folder: PictureFolder,
  picture: Pick<PreparedPicture, 'mimeType' | 'parts'>,
  work: (kept: KeptPicture) => Promise<Named>,
): Promise<Named> {
  const id = randomUUID();
  const { mimeType, parts } = picture;
  const { path, sizeBytes, sha256 } = await store.storePicture({ folder, id, mimeType, parts });
  try {
    return await work({ id, path, mimeType, sizeBytes, sha256 });
  } catch (error) {
    const isKnown = !(error instanceof DomainError && error.code === 'queue_unavailable');
    if (isKnown) await store.remove(path).catch(() => undefined);
    throw error;
  }
}

/** A fault of one field of a form. */
export const faultOf = (field: string, message: string, keyword: string): FieldFault => ({
  pointer: `/body/${field}`,
  message,
  keyword,
});

/** A form that breaks the contract. */
export const invalidForm = (fields: readonly FieldFault[], cause?: unknown): DomainError =>
  new DomainError(
    'invalid_payload',
    fields.map(({ pointer, message }) => `${pointer.slice(6)} ${message}`).join('; '),
    {
      details: { fields },
      cause,
    },
  );

const unknownField = (name: string): DomainError =>
  invalidForm([faultOf(name.replaceAll('~', '~0').replaceAll('/', '~1'), 'is not known', 'additionalProperties')]);
