import { recordOf, textOf } from '../json-reading.ts';

/** A file at the service. https://ai.google.dev/api/files#File */
export interface ServiceFile {
  /** `files/` and an id. */
  readonly name: string;
  /** What a request calls it by; its model fetches it, we never do. */
  readonly uri: string;
  /** `ACTIVE` files can be used, `FAILED` ones never; anything else means: not yet. */
  readonly state: string;
  /** Of a failed file: a code of `google.rpc.Code` and words. */
  readonly error: { readonly code: unknown; readonly message: string | undefined };
}

/** Up to 40 lower-case letters, digits and dashes, so that it can stand in a path. */
const NAME = /^files\/[a-z0-9-]{1,40}$/;
const URI_LENGTH_MAX = 1000;

/** Reads a file's document, or the one that an upload wraps around it; undefined when it is neither. */
export function readFile(text: string): ServiceFile | undefined {
  const document = parsed(text);
  const file = recordOf(document['file'] ?? document);
  const name = textOf(file['name']);
  const uri = textOf(file['uri']);
  if (name === undefined || !NAME.test(name) || uri === undefined || uri.length > URI_LENGTH_MAX) return undefined;
  const { code, message } = recordOf(file['error']);
  return { name, uri, state: textOf(file['state']) ?? '', error: { code, message: textOf(message) } };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return {};
  }
}
