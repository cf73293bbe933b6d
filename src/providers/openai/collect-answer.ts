import type { Base64Decoder, TakeSlab } from '../base64-decoder.ts';
import { type AnswerCollector, collectPictures, type PicturePlaces } from '../collect-answer.ts';
import { listOf, recordOf } from '../json-reading.ts';

/** Pictures stand in `data[].b64_json`: objects inside a list have no key of their own. */
const PLACES: PicturePlaces = {
  isPicture: (objectKey, key) => objectKey === '' && key === 'b64_json',
  choose: firstPicture,
};

/** Reads an answer of `images/edits` while it arrives. */
export const collectAnswer = (takeSlab: TakeSlab): AnswerCollector => collectPictures(takeSlab, PLACES);

/** One picture is asked for. */
function firstPicture(document: unknown, images: readonly Base64Decoder[]): Base64Decoder | undefined {
  return listOf(recordOf(document)['data'])
    .map((entry) => recordOf(entry)['b64_json'])
    .map((place) => (typeof place === 'string' ? images[Number(place)] : undefined))
    .find((image) => image !== undefined && image.bytes.length > 0);
}
