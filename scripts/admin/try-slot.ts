import { readFile, writeFile } from 'node:fs/promises';
import { findFormFaults } from '../../src/contract/form-faults.ts';
import { checkProviderSettings } from '../../src/contract/provider-settings.ts';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { parseJsonField } from '../../src/http/json-field.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { createImageInspector } from '../../src/media/inspect-image.ts';
import type { MediaStore } from '../../src/media/store.ts';
import { findResult } from '../../src/repositories/jobs.ts';
import { findSlot } from '../../src/repositories/slots.ts';
import { createHeldRequests } from '../../src/services/job/held-requests.ts';
import type { TestRunDeps } from '../../src/services/test-run/test-run-deps.ts';
import { testRunView } from '../../src/services/test-run/test-run-view.ts';
import { testSlot } from '../../src/services/test-run/test-slot.ts';
import { type AdminContext, type Command, readOptions, required, UsageError } from './command.ts';
import { localUpload } from './local-upload.ts';

/** How often the row is looked at: notifications of the database reach servers only. */
const LOOK_EVERY_MS = 200;

/** `slot try` */
export const trySlotCommand: Command = {
  name: ['slot', 'try'],
  usage:
    "slot try <slot-id> <photo> [--provider P --operation O] [--settings '{…}'|<file.json>] [--metadata key=value …] [--out <picture>]",
  about:
    'Sends a photo through the slot, or through settings that are not saved; a running server does the work. Guests and statistics see nothing of it.',
  run: async (words, context) => {
    const { values, positionals } = readOptions(words, {
      provider: { type: 'string' },
      operation: { type: 'string' },
      settings: { type: 'string' },
      metadata: { type: 'string', multiple: true },
      out: { type: 'string' },
    });
    const slotId = required(positionals[0], 'The slot id');
    const photo = required(positionals[1], 'The photo');
    const settings = await settingsOf(context, slotId, values);
    const fields = new Map([
      ['metadata', JSON.stringify(Object.fromEntries((values.metadata ?? []).map(readPair)))],
      ...(settings === undefined ? [] : [['settings', JSON.stringify(settings)] as const]),
    ]);
    return tryOut(context, { slotId, photo, fields, out: values.out });
  },
};

interface Wanted {
  readonly slotId: string;
  readonly photo: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly out: string | undefined;
}

async function tryOut(context: AdminContext, { slotId, photo, fields, out }: Wanted): Promise<string> {
  const { config, db } = context;
  const store = createDiskStore({ root: config.mediaRoot, freeBytesMin: config.values.MEDIA_FREE_BYTES_MIN });
  await store.open();
  const deps = depsOf(context, store);
  const look = setInterval(() => {
    for (const jobId of deps.held.jobIds()) deps.held.wake(jobId, { kind: 'look' });
  }, LOOK_EVERY_MS);
  try {
    const run = await testSlot(deps, COMMAND_LINE, {
      slotId,
      arrivedAt: performance.now(),
      clientAddress: '',
      receiveUpload: localUpload(photo, fields),
      gone: new AbortController().signal,
    });
    const [candidate] = testRunView(deps, run).candidates;
    const path = candidate?.job_id ? (await findResult(db, candidate.job_id))?.path : undefined;
    if (out !== undefined && path) await writeFile(out, await readFile(store.resolve(path)));
    const { result, ...facts } = candidate ?? {};
    const picture = result && {
      mime: result.mime,
      size_bytes: result.size_bytes,
      width: result.width,
      height: result.height,
    };
    return JSON.stringify(
      { ...facts, result: picture, ...(out !== undefined && path && { written_to: out }) },
      null,
      2,
    );
  } finally {
    clearInterval(look);
  }
}

function depsOf({ config, db, log, providers }: AdminContext, store: MediaStore): TestRunDeps {
  const { QUEUE_MAX_IN_FLIGHT_JOBS, T_SYNC_RESPONSE_SECONDS, UPLOAD_BYTES_MAX, IMAGE_PIXELS_MAX } = config.values;
  return {
    db,
    store,
    providers,
    log,
    held: createHeldRequests(),
    worker: undefined,
    createInspector: createImageInspector,
    checkSettings: checkProviderSettings,
    parseJsonField,
    findFormFaults,
    isDraining: () => false,
    publicBaseUrl: () => '',
    testRuns: { take: () => Promise.resolve() },
    limits: {
      openJobsMax: QUEUE_MAX_IN_FLIGHT_JOBS,
      uploadBytesMax: UPLOAD_BYTES_MAX,
      imagePixelsMax: IMAGE_PIXELS_MAX,
      windowSeconds: T_SYNC_RESPONSE_SECONDS,
    },
  };
}

/** What is to be tried instead of what the slot has; another operation has other settings, so nothing of the old ones is carried over. */
async function settingsOf(
  { db }: AdminContext,
  slotId: string,
  values: { readonly provider?: string; readonly operation?: string; readonly settings?: string },
) {
  if (values.provider === undefined && values.operation === undefined && values.settings === undefined)
    return undefined;
  const current = await findSlot(db, slotId);
  if (current === undefined)
    throw new UsageError(`There is no slot "${slotId.slice(0, 60)}". Slots are slot-001 to slot-015.`);
  return {
    provider_id: values.provider ?? current.providerId,
    operation_id: values.operation ?? current.operationId,
    settings_json: values.settings === undefined ? {} : await readSettings(values.settings),
  };
}

/** JSON, or a file with it. */
async function readSettings(text: string): Promise<unknown> {
  const json = text.trimStart().startsWith('{') ? text : await readFile(text, 'utf8').catch(unreadable(text));
  try {
    return JSON.parse(json);
  } catch {
    throw new UsageError(`This is not JSON: ${json.slice(0, 80)}`);
  }
}

const unreadable = (file: string) => (error: NodeJS.ErrnoException) => {
  throw new UsageError(`${file} cannot be read (${error.code ?? 'unknown fault'}).`);
};

function readPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new UsageError(`--metadata takes key=value, not "${pair.slice(0, 80)}"`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}
