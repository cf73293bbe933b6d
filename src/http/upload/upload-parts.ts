/** What happens to the parts of a form: text is kept within limits, one picture goes to disk, the rest is passed over. */
import type { ReceivedFile, ReceivedUpload, UploadHooks, UploadLimits } from '../../media/upload.ts';
import { createByteCollector } from './byte-collector.ts';
import { type FileSink, openFileSink } from './file-sink.ts';
import type { MultipartToken } from './multipart-parser.ts';
import type { PartHead } from './part-head.ts';
import { invalidPayload } from './upload-errors.ts';

/** What becomes of the parts of a form. */
export interface UploadParts {
  /**
   * Handles one token of the form.
   *
   * @returns nothing, or what to wait for before the next one.
   * @throws DomainError for whatever the hooks, the limits, the inspector or the disk refuse.
   */
  accept(token: MultipartToken): Promise<void> | undefined;
  /** What was received. Only after the whole form was accepted. */
  received(): ReceivedUpload;
  /** Removes the file, if there is one. */
  discard(): Promise<void>;
}

type OpenPart =
  | { readonly kind: 'none' | 'skipped' | 'field' }
  | { readonly kind: 'file'; readonly sink: FileSink; readonly path: string; readonly fileName: string | undefined };

const NO_PART: OpenPart = { kind: 'none' };
const SKIPPED: OpenPart = { kind: 'skipped' };
const FIELD: OpenPart = { kind: 'field' };

/** @param interrupted rejects when the upload is over; a decision of `hooks.onFile` is then not waited for. */
export function createUploadParts(hooks: UploadHooks, limits: UploadLimits, interrupted: Promise<never>): UploadParts {
  const fields = new Map<string, string>();
  const text = createByteCollector(limits.fieldSizeBytesMax);
  let fieldName = '';
  let fieldCount = 0;
  let partCount = 0;
  let part = NO_PART;
  let sink: FileSink | undefined;
  let file: ReceivedFile | undefined;

  function begin(head: PartHead): Promise<void> | undefined {
    partCount += 1;
    if (partCount > limits.partsMax)
      throw invalidPayload('The form has too many parts.', { parts_max: limits.partsMax });
    if (head.isFile) {
      part = SKIPPED;
      if (sink === undefined) return beginFile(head);
      const { fieldName, fileName, declaredMimeType } = head;
      hooks.onExtraFile?.({ fieldName, fileName, declaredMimeType });
      return undefined;
    }
    fieldCount += 1;
    if (fieldCount > limits.fieldsMax) {
      throw invalidPayload('The form has too many text fields.', { fields_max: limits.fieldsMax });
    }
    part = FIELD;
    fieldName = head.fieldName;
    text.clear();
    return undefined;
  }

  async function beginFile({ fieldName, fileName, declaredMimeType }: PartHead): Promise<void> {
    const decision = hooks.onFile({ fieldName, fileName, declaredMimeType }, fields);
    const target = await Promise.race([decision, interrupted]);
    if (target === undefined) return;
    sink = await openFileSink(target, limits.fileSizeBytesMax);
    part = { kind: 'file', sink, path: target.path, fileName };
  }

  function take(bytes: Buffer): Promise<void> | undefined {
    if (part.kind === 'file') return part.sink.write(bytes);
    if (part.kind === 'field' && !text.append(bytes)) {
      throw invalidPayload('A text field of the form is too long.', { field_size_bytes_max: limits.fieldSizeBytesMax });
    }
    return undefined;
  }

  function end(): Promise<void> | undefined {
    const ended = part;
    part = NO_PART;
    if (ended.kind === 'file') {
      return ended.sink.finish().then((stored) => {
        file = { path: ended.path, fileName: ended.fileName, ...stored };
      });
    }
    if (ended.kind === 'field' && !fields.has(fieldName)) {
      // PostgreSQL stores no U+0000 in text or jsonb; like malformed UTF-8 it becomes U+FFFD, which equals nothing a client means
      const value = text.view().toString('utf8').replaceAll('\0', '\ufffd');
      fields.set(fieldName, value);
      hooks.onField?.(fieldName, value);
    }
    return undefined;
  }

  return {
    accept(token) {
      if (token.kind === 'bytes') return take(token.bytes);
      return token.kind === 'part' ? begin(token.head) : end();
    },
    received: () => ({ fields, file }),
    async discard() {
      await sink?.discard();
    },
  };
}
