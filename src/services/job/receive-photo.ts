/** Receiving the station's photo: who may, for which slot, what kind of picture. */
import { declaredTypeFits } from '../../domain/declared-type.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ReceivedFile, ReceivedUpload, ReceiveUpload, UploadLimits } from '../../media/upload.ts';
import type { Provider } from '../../providers/provider.ts';
import type { IngestSetup } from '../../repositories/ingest.ts';
import { type ArrivalFacts, noteField, noteFile, watchPhoto } from './arrival-facts.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { payloadPlace } from './remove-payload.ts';
import { type RequestContent, type SameRequest, sameRequestOf } from './same-request.ts';

/** The multipart field that carries the photo, and the one with the password; named by the station's software. */
const PHOTO_FIELD = 'fileToUpload';
const PASSWORD_FIELD = 'password';

/** A station sends a dozen fields; surveys add some. The rest is caps against abuse. */
const METADATA_FIELDS_MAX = 64;
const METADATA_VALUE_LENGTH_MAX = 1_000;
const IDLE_TIMEOUT_MS = 15_000;

/** A photo on disk, for a slot that can take it. */
export interface ReceivedPhoto {
  readonly file: ReceivedFile;
  /** Relative to the media root. */
  readonly payloadPath: string;
  readonly slot: NonNullable<IngestSetup['slot']>;
  readonly metadata: Readonly<Record<string, string>>;
  /** By what an earlier request may turn out to be the same one; undefined where this one repeats none. */
  readonly sameRequest: SameRequest | undefined;
}

/** What came with the request's URL; a name may stand there more than once. */
export type QueryTokens = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What is received, and for whom. */
export interface PhotoRequest {
  readonly jobId: string;
  readonly slotId: string;
  readonly setup: IngestSetup;
  /** Tokens of the request's URL, kept as metadata. */
  readonly queryTokens: QueryTokens;
  readonly idempotencyKey: string | undefined;
  readonly clientAddress: string;
  readonly receiveUpload: ReceiveUpload;
  /** Told what arrives while it does. */
  readonly facts: ArrivalFacts;
  /** Ends the upload; its reason is what the receiving rejects with. */
  readonly signal: AbortSignal;
}

/**
 * Takes the photo to disk. Faults are reported as soon as they are known, in the order password, slot, type.
 *
 * @throws DomainError `invalid_credentials`, `slot_not_found`, `slot_not_configured`, `unsupported_media_type`, `invalid_payload`,
 * `payload_too_large`, `storage_unavailable`; after any of them no file is left.
 */
export async function receivePhoto(deps: IngestDeps, request: PhotoRequest): Promise<ReceivedPhoto> {
  const { setup, facts } = request;
  const password = createPasswordGate(deps, setup.passwordHash, request);
  let payloadPath = '';
  // of several files the first supported one counts: one that does not even claim to be an image is passed over
  let passedOver: DomainError | undefined;
  const upload = await request.receiveUpload(
    {
      onBytes: (sizeBytes) => {
        facts.uploadBytes += sizeBytes;
      },
      onField: (name, value) => noteField(facts, name, value),
      onFile: async (part, fields) => {
        noteFile(facts, part);
        if (part.fieldName !== PHOTO_FIELD) return undefined;
        if (fields.has(PASSWORD_FIELD)) await password.demand(fields.get(PASSWORD_FIELD));
        const { provider } = usableSlot(deps, request.slotId, setup);
        const { mimeTypes } = provider.description;
        if (!mimeTypes.some((accepted) => declaredTypeFits(part.declaredMimeType, accepted))) {
          passedOver ??= noSuchType(part.declaredMimeType, mimeTypes);
          return undefined;
        }
        await deps.store.assertFreeSpace();
        const place = payloadPlace(deps.store, request.jobId);
        payloadPath = place.path;
        const inspector = inspectorFor(deps, provider, part.declaredMimeType);
        return { path: place.absolutePath, inspector: watchPhoto(facts, part, inspector) };
      },
    },
    uploadLimits(deps),
    request.signal,
  );
  try {
    await password.demand(upload.fields.get(PASSWORD_FIELD));
    const { slot } = usableSlot(deps, request.slotId, setup);
    if (upload.file === undefined) throw passedOver ?? missingPhoto();
    const content = contentOf(request, upload.fields, upload.file.sha256);
    const sameRequest = sameRequestOf(content, request.idempotencyKey);
    return { file: upload.file, payloadPath, slot, metadata: metadataOf(content), sameRequest };
  } catch (error) {
    if (payloadPath !== '') await deps.store.remove(payloadPath);
    throw error;
  }
}

function createPasswordGate(
  deps: IngestDeps,
  hash: string | undefined,
  { clientAddress, facts }: Pick<PhotoRequest, 'clientAddress' | 'facts'>,
) {
  let isProved = false;
  return {
    async demand(password: string | undefined): Promise<void> {
      if (isProved) return;
      isProved = await deps.passwordCheck.isRight(password, hash, clientAddress);
      if (isProved) facts.password = 'right';
      else {
        facts.password = password === undefined || password === '' ? 'missing' : 'wrong';
        await deps.wrongPasswords.take(clientAddress);
        throw new DomainError(
          'invalid_credentials',
          'The ingest password is wrong or missing. Check the field "password" of the station.',
        );
      }
    },
  };
}

/** The slot and its provider, when it, or another one of the slot's chain, can take a photo now. */
export function usableSlot(deps: Pick<IngestDeps, 'providers'>, slotId: string, setup: IngestSetup) {
  const { slot } = setup;
  if (slot === undefined) {
    throw new DomainError(
      'slot_not_found',
      `There is no slot "${slotId.slice(0, 64)}". Slots are slot-001 to slot-015.`,
    );
  }
  if (!slot.isEnabled) {
    throw new DomainError('slot_not_configured', `${slot.id} is switched off. Enable it before sending photos.`, {
      retryAfterSeconds: 60,
    });
  }
  const provider = deps.providers.get(slot.providerId);
  if (
    provider === undefined ||
    !provider.description.operations.some((operation) => operation.id === slot.operationId)
  ) {
    throw new DomainError(
      'slot_not_configured',
      `${slot.id} names a provider or an operation that this server does not have.`,
      {
        retryAfterSeconds: 60,
      },
    );
  }
  const isPossible = [slot, ...slot.fallback].some((link) => deps.providers.get(link.providerId)?.isConfigured());
  if (!isPossible) {
    throw new DomainError(
      'slot_not_configured',
      `${slot.id} uses ${provider.description.name}, which has no key yet.`,
      {
        retryAfterSeconds: 60,
      },
    );
  }
  return { slot, provider };
}

const inspectorFor = (deps: IngestDeps, provider: Provider, declaredMimeType: string) =>
  deps.createInspector({
    declaredMimeType,
    acceptedMimeTypes: provider.description.mimeTypes,
    pixelsMax: deps.limits.imagePixelsMax,
  });

const uploadLimits = (deps: IngestDeps): UploadLimits => ({
  fileSizeBytesMax: deps.limits.uploadBytesMax,
  fieldsMax: METADATA_FIELDS_MAX,
  fieldSizeBytesMax: 16_384,
  partsMax: METADATA_FIELDS_MAX + 16,
  idleTimeoutMs: IDLE_TIMEOUT_MS,
});

const noSuchType = (declared: string, accepted: readonly string[]) =>
  new DomainError(
    'unsupported_media_type',
    `The file is declared as ${declared.slice(0, 100)}, which this slot does not take.`,
    {
      details: { declared: declared.slice(0, 100), accepted },
    },
  );

const missingPhoto = () =>
  new DomainError('invalid_payload', `The request has no picture. Send it as the file field "${PHOTO_FIELD}".`, {
    details: { fields: [{ pointer: `/body/${PHOTO_FIELD}`, message: 'is required', keyword: 'required' }] },
  });

/** The station's other fields and URL tokens, without the password. */
const contentOf = (
  { slotId, queryTokens }: PhotoRequest,
  fields: ReceivedUpload['fields'],
  sha256: string,
): RequestContent => ({
  slotId,
  sha256,
  fields: [...fields].filter(isKept),
  tokens: Object.entries(queryTokens).filter(isKept),
});

const isKept = ([name]: readonly [string, unknown]): boolean => name !== PASSWORD_FIELD;

/** Fields and tokens as they are kept with the job; `url.` marks what came with the URL. */
function metadataOf({ fields, tokens }: RequestContent): Record<string, string> {
  const kept = [
    ...fields,
    ...tokens.map(([name, value]) => [`url.${asText(name)}`, asText(String(value ?? ''))] as const),
  ];
  return Object.fromEntries(
    kept
      .slice(0, METADATA_FIELDS_MAX)
      .map(([name, value]) => [name, value.slice(0, METADATA_VALUE_LENGTH_MAX).toWellFormed()]),
  );
}

// PostgreSQL's jsonb takes neither U+0000 nor half a surrogate pair; the form's fields are cleaned where they are parsed
const asText = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed();
