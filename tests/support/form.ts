/** A part of a form: text, a file, or a head and a body written by hand. */
export type FormPart =
  | { readonly name: string; readonly value: string | Buffer }
  | { readonly name: string; readonly fileName: string; readonly type?: string; readonly bytes: Buffer }
  | { readonly head: string | Buffer; readonly bytes: Buffer };

/** The boundary of {@link formBytes}. */
export const BOUNDARY = '---------------------------7d81f2b3c4';

/** Builds a form exactly as given, faults included; nothing is escaped. */
export function formBytes(parts: readonly FormPart[], boundary = BOUNDARY): Buffer {
  const pieces = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\n`),
    Buffer.from(headOf(part)),
    Buffer.from('\r\n\r\n'),
    Buffer.from('bytes' in part ? part.bytes : part.value),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

function headOf(part: FormPart): string | Buffer {
  if ('head' in part) return part.head;
  const name = `Content-Disposition: form-data; name="${part.name}"`;
  if (!('fileName' in part)) return name;
  return `${name}; filename="${part.fileName}"\r\nContent-Type: ${part.type ?? 'image/jpeg'}`;
}
