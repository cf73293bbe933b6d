import { areWhole, jsonAnswer, type PollDialect, type PollJob, photoOf } from './poll-dialect.ts';
import { type PollSimulator, type PollSimulatorOptions, startPollSimulator } from './poll-simulator.ts';

/** A simulator of Replicate's predictions on loopback. */
export function startReplicateSimulator(options: PollSimulatorOptions = {}): Promise<PollSimulator> {
  return startPollSimulator(REPLICATE, options);
}

const MODEL = /^[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*(?::[0-9a-f]{64})?$/;
const SENSITIVE = 'The input or output was flagged as sensitive. Please try again with different inputs. (E005)';
const TITLES: Readonly<Record<number, string>> = {
  401: 'Unauthenticated',
  402: 'Insufficient credit',
  404: 'Not found',
  422: 'Input validation failed',
  429: 'Too many requests',
};

const REPLICATE: PollDialect = {
  provider: 'replicate',
  keyOf: ({ authorization }) => /^Bearer (.+)$/.exec(String(authorization ?? ''))?.[1] ?? '',
  route(method, path) {
    if (method === 'POST' && path === '/v1/predictions') return { step: 'submit', jobId: undefined };
    const [, kind, jobId, tail] = /^\/(v1\/predictions|picture)\/([0-9a-f-]+)(\/cancel)?$/.exec(path) ?? [];
    if (kind === 'picture') return { step: 'picture', jobId };
    if (kind === undefined) return undefined;
    if (tail === undefined) return method === 'GET' ? { step: 'poll', jobId } : undefined;
    return method === 'POST' ? { step: 'cancel', jobId } : undefined;
  },
  read(_path, headers, body) {
    const { version, input } = (body ?? {}) as { version?: unknown; input?: Record<string, unknown> };
    if (headers['content-type'] !== 'application/json') return 'The content type is not application/json.';
    if (typeof version !== 'string' || !MODEL.test(version)) return 'version: Does not match the format of a model.';
    const wait = /^wait(?:=(\d+))?$/.exec(String(headers['prefer'] ?? 'wait'));
    if (wait === null || Number(wait[1] ?? 60) > 60) return 'Prefer: wait must be 1 to 60 seconds.';
    const photo = Object.values(input ?? {})
      .map((value) => photoOf(value, 'data_uri'))
      .find((found) => found !== undefined);
    if (photo === undefined) return 'input: input_image is required.';
    const lists = Object.values(input ?? {}).filter(Array.isArray);
    if (!lists.every((list) => areWhole(list, 'data_uri'))) return 'input: image_input: Does not match format uri.';
    if (typeof input?.['prompt'] !== 'string') return 'input: prompt is required.';
    return { model: version, prompt: input['prompt'], photo, input };
  },
  // The answer repeats the input, photo included.
  taken: (job, base, pictureUrl) =>
    jsonAnswer(pictureUrl === undefined ? 202 : 201, predictionOf(job, base, pictureUrl)),
  polled: (job, base, pictureUrl) => jsonAnswer(200, predictionOf(job, base, pictureUrl)),
  canceled: (job) => jsonAnswer(200, { id: job.id, status: statusOf(job) }),
  error(status, message) {
    const detail =
      message ??
      (status === 429 ? 'Request was throttled. Expected available in 1 second.' : 'The request cannot be served.');
    const hint = status === 429 ? { retry_after: 1 } : {};
    return jsonAnswer(status, { title: TITLES[status] ?? 'Error', detail, status, ...hint });
  },
  noCredits: () => REPLICATE.error(402, 'You have insufficient credit to run this model.'),
  unknownJob: () => jsonAnswer(404, { detail: 'Prediction not found.' }),
};

function predictionOf(job: PollJob, base: string, pictureUrl: string | undefined): object {
  const isDone = job.state === 'done';
  return {
    id: job.id,
    model: job.model,
    version: 'hidden',
    input: job.input,
    logs: isDone ? 'Using seed: 42\n' : '',
    // One picture comes alone from some models and in a list from others.
    output: isDone && job.behaviour.kind !== 'no_picture' ? outputOf(job, pictureUrl) : null,
    data_removed: false,
    error: errorOf(job),
    status: statusOf(job),
    created_at: '2026-05-30T18:04:11.354Z',
    urls: {
      cancel: `${base}/v1/predictions/${job.id}/cancel`,
      get: `${base}/v1/predictions/${job.id}`,
      web: `https://replicate.com/p/${job.id}`,
    },
  };
}

function outputOf({ model }: PollJob, pictureUrl: string | undefined): unknown {
  return model.startsWith('black-forest-labs/') ? pictureUrl : [pictureUrl];
}

function statusOf({ state, pollsLeft }: PollJob): string {
  if (state === 'under way') return pollsLeft > 1 ? 'starting' : 'processing';
  if (state === 'done') return 'succeeded';
  return state === 'moderated' ? 'failed' : state;
}

function errorOf({ state, behaviour }: PollJob): string | null {
  if (state === 'moderated') return SENSITIVE;
  if (state !== 'failed') return null;
  return behaviour.kind === 'failed' && behaviour.message !== undefined ? behaviour.message : 'CUDA out of memory';
}
