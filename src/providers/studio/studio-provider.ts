import { availableParallelism } from 'node:os';
import type { ImageMimeType } from '../../domain/images.ts';
import { FINISH_FRAME_KEY } from '../../domain/output-wish.ts';
import { type FramePicture, openFrame } from '../../media/frame-picture.ts';
import { planShape } from '../../media/print-shape.ts';
import type { CallContext, CallOutcome, Provider, ProviderInput } from '../provider.ts';
import { CROP } from './crop.ts';
import { studioFailure } from './failure.ts';
import { FILTER } from './filter.ts';
import { FRAME } from './frame.ts';
import { openPhoto } from './open-picture.ts';
import type { StudioOperation, StudioTask } from './operation.ts';
import { readOutput } from './output.ts';
import { StudioFault } from './studio-fault.ts';
import { untilAborted } from './until-aborted.ts';
import { WATERMARK } from './watermark.ts';
import { writeMade } from './write-made.ts';

const OPERATIONS: readonly StudioOperation[] = [FRAME, CROP, FILTER, WATERMARK];
/** The prebuilt sharp decodes no HEIC. */
const MIME_TYPES: readonly ImageMimeType[] = ['image/jpeg', 'image/png', 'image/webp'];
const INPUT_BYTES_MAX = 64 * 1024 * 1024;

/** What the studio may use of this machine. */
export interface StudioOptions {
  /** The most pixels of a photo or a template; a larger picture is refused by its header. */
  readonly pixelsMax: number;
  /** How many photos are worked on at once; all of the machine's cores where it is left out. */
  readonly cores?: number;
}

/**
 * The built-in provider: frames, crops, filters and watermarks made on this machine. It needs no key, costs nothing and needs
 * no network, so it can stand at the end of every fallback chain. May be called concurrently; writes no file.
 */
export function createStudioProvider({ pixelsMax, cores = availableParallelism() }: StudioOptions): Provider {
  return {
    description: {
      id: 'studio',
      name: 'Studio (built in)',
      needsKey: false,
      inputTravel: 'inline',
      mimeTypes: MIME_TYPES,
      inputBytesMax: INPUT_BYTES_MAX,
      referencesMax: 2,
      runningMax: cores,
      callsPerMinute: null,
      slowCallMs: 3_000,
      appliesOutput: true,
      operations: OPERATIONS.map((operation) => operation.description),
    },
    isConfigured: () => true,
    submit: async (input, context) => {
      context.signal.throwIfAborted();
      return untilAborted(callOutcome(input, context, pixelsMax), context.signal);
    },
  };
}

/** Never rejects. */
async function callOutcome(input: ProviderInput, context: CallContext, pixelsMax: number): Promise<CallOutcome> {
  try {
    const bytes = await render(input, context, pixelsMax);
    return { outcome: 'done', image: { bytes, release: () => undefined } };
  } catch (error) {
    const paths = [input.photo.path, ...[...input.references.values()].flat().map((reference) => reference.path)];
    return { outcome: 'failed', failure: studioFailure(error, paths) };
  }
}

async function render(input: ProviderInput, context: CallContext, pixelsMax: number): Promise<Buffer> {
  const operation = OPERATIONS.find(({ description }) => description.id === input.operationId);
  if (operation === undefined) throw new StudioFault(`The studio has no operation "${input.operationId}".`);
  if (!MIME_TYPES.includes(input.photo.mimeType)) {
    throw new StudioFault(`The studio reads JPEG, PNG and WebP; the photo is ${input.photo.mimeType}.`);
  }
  const limits = { pixelsMax, deadlineAt: context.deadlineAt, signal: context.signal };
  const { settings, references } = input;
  const [photo, frame] = await Promise.all([openPhoto(input.photo, limits), openFinishFrame(input, pixelsMax)]);
  const output = readOutput(settings);
  const task: StudioTask = {
    settings,
    photo,
    references,
    limits,
    output,
    frame,
    planFor: (whole) => planShape(whole, output, { pixelsMax, frame: frame?.size }),
  };
  return writeMade(await operation.render(task), task);
}

async function openFinishFrame(input: ProviderInput, pixelsMax: number): Promise<FramePicture | undefined> {
  const source = input.references.get(FINISH_FRAME_KEY)?.[0];
  if (source !== undefined) return openFrame(source.path, pixelsMax);
  if (input.settings[FINISH_FRAME_KEY] === undefined) return undefined;
  throw new StudioFault(`The frame picture named by ${FINISH_FRAME_KEY} is not there.`);
}
