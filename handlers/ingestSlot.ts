import type { Handler, Reply } from '../src/contract/handler.ts';
import { type IngestedPicture, multipartReply } from '../src/contract/multipart-reply.ts';
import { isPreferred } from '../src/contract/preference.ts';
import { FILE_EXTENSION, type ResultMimeType } from '../src/domain/images.ts';
import type { IngestDeps } from '../src/services/job/ingest-deps.ts';
import { type FinishedPhoto, ingestPhoto, type PendingPhoto } from '../src/services/job/ingest-photo.ts';

const RESPOND_ASYNC = 'respond-async';

/** Takes a station's photo and answers with the processed picture, as bare bytes unless the station wants something else. */
export const ingestSlot =
  (deps: IngestDeps): Handler<'ingestSlot'> =>
  async ({ params, query, headers }, { arrivedAt, clientAddress, userAgent, gone, receiveUpload }) => {
    const { reply, ...tokens } = query;
    const wantsParts = reply === 'multipart';
    const answer = await ingestPhoto(deps, {
      slotId: params.slotId,
      arrivedAt,
      clientAddress,
      userAgent,
      gone,
      receiveUpload,
      queryTokens: wantsParts ? tokens : query,
      idempotencyKey: headers['Idempotency-Key'],
      isLeftBehind: isPreferred(headers.Prefer, RESPOND_ASYNC),
    });
    if (answer.picture === undefined) return promised(answer, deps.publicBaseUrl());
    return wantsParts ? inParts(answer, deps.publicBaseUrl()) : bare(answer);
  };

const linkOf = (jobId: string): string => `/public/results/${jobId}`;

const headersOf = ({ jobId, isReplay }: FinishedPhoto | PendingPhoto): Record<string, string> => ({
  'X-Job-Id': jobId,
  'Cache-Control': 'no-store',
  ...(isReplay && { 'Idempotency-Replayed': 'true' }),
});

const pictureHeadersOf = (photo: FinishedPhoto): Record<string, string> => ({
  ...headersOf(photo),
  'PhotoChanger-Provider': photo.picture.providerId,
  ...(photo.picture.linkNo > 0 && { 'PhotoChanger-Fallback': String(photo.picture.linkNo) }),
});

const bare = (photo: FinishedPhoto): Reply<'ingestSlot'> => ({
  status: 200,
  contentType: photo.picture.mimeType as ResultMimeType,
  headers: pictureHeadersOf(photo),
  bytes: photo.picture.bytes,
});

function inParts(photo: FinishedPhoto, baseUrl: string): Reply<'ingestSlot'> {
  const { jobId, picture } = photo;
  const { bytes, linkNo } = picture;
  const mimeType = picture.mimeType as ResultMimeType;
  const metadata: IngestedPicture = {
    job_id: jobId,
    provider_id: picture.providerId,
    ...(linkNo > 0 && { fallback: linkNo }),
    mime: mimeType,
    size_bytes: bytes.sizeBytes,
    result_url: `${baseUrl}${linkOf(jobId)}`,
  };
  const fileName = `${jobId}.${FILE_EXTENSION[mimeType]}`;
  const reply = multipartReply('metadata', metadata, { name: 'image', fileName, mimeType, bytes });
  return { status: 200, headers: pictureHeadersOf(photo), ...reply };
}

const promised = (photo: PendingPhoto, baseUrl: string): Reply<'ingestSlot'> => ({
  status: 202,
  headers: { ...headersOf(photo), Location: linkOf(photo.jobId), 'Preference-Applied': RESPOND_ASYNC },
  body: {
    job_id: photo.jobId,
    result_url: `${baseUrl}${linkOf(photo.jobId)}`,
    status_url: `${baseUrl}/api/jobs/${photo.jobId}`,
    expires_at: photo.expiresAt.toISOString(),
  },
});
