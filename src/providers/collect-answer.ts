import { AnswerFault } from './answer-fault.ts';
import type { TakeSlab } from './base64-decoder.ts';
import { Base64Decoder } from './base64-decoder.ts';
import type { AnswerSink } from './exchange.ts';
import { JsonScanner } from './json-scanner.ts';
import { collectShortAnswer, type ShortAnswer } from './short-answer.ts';

/** The most base64 characters of one answer; a 4K picture as PNG stays below 40 MB. */
const BASE64_BYTES_MAX = 64 * 1024 * 1024;
const IMAGE_BYTES_MAX = (BASE64_BYTES_MAX / 4) * 3;
const SKELETON_BYTES_MAX = 1024 * 1024;
/** Texts and thought signatures are cut: only the beginning of a text is ever shown, a signature never. */
const STRING_BYTES_MAX = 4096;
/** Models that think may send drafts before the picture; more than this is no answer. */
const IMAGES_MAX = 16;
/** Fits what flash models send (1–2 MB) without growing. */
const SLAB_BYTES_FIRST = 2 * 1024 * 1024;

/** What came back with another status than 200. */
export interface ErrorAnswer extends ShortAnswer {
  readonly kind: 'error';
}

/** What came back: an error's text, or a document and its picture. */
export type CollectedAnswer =
  | ErrorAnswer
  | { readonly kind: 'document'; readonly document: unknown; readonly picture: Base64Decoder | undefined };

/** Where a service's document holds its pictures. */
export interface PicturePlaces {
  /** Whether the string under `key`, in the object under `objectKey` (empty inside a list), is a picture's base64. */
  isPicture(objectKey: string, key: string): boolean;
  /** The picture that counts. In the places of pictures the document holds their index in `images`. */
  choose(document: unknown, images: readonly Base64Decoder[]): Base64Decoder | undefined;
}

/** An answer while it arrives. */
export interface AnswerCollector extends AnswerSink {
  /** The whole answer. Every slab but the picture's is given back. @throws AnswerFault when it cannot be used. */
  finish(): CollectedAnswer;
  /** Gives every slab back; may be called at any time and again. */
  release(): void;
}

/** Reads a JSON answer while it arrives: pictures are decoded into slabs, an error's text is capped. */
export function collectPictures(takeSlab: TakeSlab, places: PicturePlaces): AnswerCollector {
  const document = readDocument(takeSlab, places);
  const error = collectShortAnswer();
  let status = 0;

  return {
    head(answerStatus, answerHeaders) {
      status = answerStatus;
      return error.head(answerStatus, answerHeaders);
    },
    push(chunk) {
      if (status !== 200) return error.push(chunk);
      document.push(chunk);
      return 'more';
    },
    finish: () => (status === 200 ? document.finish() : { kind: 'error', ...error.finish() }),
    release: () => document.release(),
  };
}

function readDocument(takeSlab: TakeSlab, places: PicturePlaces) {
  const images: Base64Decoder[] = [];
  let bytes = 0;
  const scanner = new JsonScanner({
    skeletonBytesMax: SKELETON_BYTES_MAX,
    stringBytesMax: STRING_BYTES_MAX,
    divert(objectKey, key) {
      if (!places.isPicture(objectKey, key)) return undefined;
      if (images.length === IMAGES_MAX) throw new AnswerFault(`the answer has more than ${IMAGES_MAX} pictures`);
      const decoder = new Base64Decoder({ takeSlab, sizeBytesFirst: SLAB_BYTES_FIRST, sizeBytesMax: IMAGE_BYTES_MAX });
      const word = String(images.push(decoder) - 1);
      return {
        push: (chunk, from, to) => decoder.push(chunk, from, to),
        end: () => {
          decoder.end();
          return word;
        },
      };
    },
  });
  function release(except?: Base64Decoder): void {
    for (const image of images) if (image !== except) image.release();
  }
  return {
    release,
    push(chunk: Buffer): void {
      bytes += chunk.length;
      if (bytes > BASE64_BYTES_MAX + SKELETON_BYTES_MAX) {
        throw new AnswerFault(`the answer is larger than ${BASE64_BYTES_MAX} bytes`, { retryable: false });
      }
      scanner.push(chunk);
    },
    finish(): CollectedAnswer {
      const document = scanner.end();
      if (document === undefined) throw new AnswerFault('the answer is empty', { kind: 'empty' });
      const picture = places.choose(document, images);
      release(picture);
      return { kind: 'document', document, picture };
    },
  };
}
