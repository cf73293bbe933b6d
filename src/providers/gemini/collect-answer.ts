import type { Base64Decoder, TakeSlab } from '../base64-decoder.ts';
import { type AnswerCollector, collectPictures, type PicturePlaces } from '../collect-answer.ts';
import { listOf, recordOf } from '../json-reading.ts';

const PLACES: PicturePlaces = {
  isPicture: (objectKey, key) => key === 'data' && (objectKey === 'inlineData' || objectKey === 'inline_data'),
  choose: lastPicture,
};

/** Reads an answer of `generateContent` while it arrives. */
export const collectAnswer = (takeSlab: TakeSlab): AnswerCollector => collectPictures(takeSlab, PLACES);

/** The last picture that is not a thought. */
function lastPicture(document: unknown, images: readonly Base64Decoder[]): Base64Decoder | undefined {
  return listOf(recordOf(document)['candidates'])
    .flatMap((candidate) => listOf(recordOf(recordOf(candidate)['content'])['parts']))
    .map(recordOf)
    .filter((part) => part['thought'] !== true)
    .map((part) => recordOf(part['inlineData'] ?? part['inline_data']))
    .filter((blob) => /^image\/|^undefined$/.test(String(blob['mimeType'] ?? blob['mime_type'])))
    .map((blob) => (typeof blob['data'] === 'string' ? images[Number(blob['data'])] : undefined))
    .findLast((image) => image !== undefined && image.bytes.length > 0);
}
