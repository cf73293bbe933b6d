import { jsonAnswer, type PollDialect, type PollJob, photoOf } from './poll-dialect.ts';
import { type PollSimulator, type PollSimulatorOptions, startPollSimulator } from './poll-simulator.ts';

/** A simulator of the Black Forest Labs API on loopback. */
export function startBflSimulator(options: PollSimulatorOptions = {}): Promise<PollSimulator> {
  return startPollSimulator(BFL, options);
}

const MESSAGES: Readonly<Record<number, string>> = {
  401: 'Not authenticated',
  404: 'Not Found',
  429: 'You have too many active tasks.',
};

const BFL: PollDialect = {
  provider: 'bfl',
  keyOf: ({ 'x-key': key }) => String(key ?? ''),
  route(method, path) {
    const [, picture] = /^\/picture\/([0-9a-f-]+)$/.exec(path) ?? [];
    if (picture !== undefined) return { step: 'picture', jobId: picture };
    const [, polled] = /^\/v1\/get_result\?id=([0-9a-f-]+)$/.exec(path) ?? [];
    if (polled !== undefined) return method === 'GET' ? { step: 'poll', jobId: polled } : undefined;
    return method === 'POST' && /^\/v1\/flux-[a-z0-9.-]+$/.test(path)
      ? { step: 'submit', jobId: undefined }
      : undefined;
  },
  read(path, headers, body) {
    const input = (body ?? {}) as Record<string, unknown>;
    if (headers['content-type'] !== 'application/json') return 'The content type is not application/json.';
    const photo = photoOf(input['input_image'], 'base64');
    if (photo === undefined) return 'input_image: Invalid base64';
    if (typeof input['prompt'] !== 'string') return 'prompt: Field required';
    const model = path.slice('/v1/'.length);
    const further = Object.entries(input).filter(([name]) => /^input_image_/.test(name));
    for (const [name, value] of further) {
      const n = Number(name.slice('input_image_'.length));
      const isKnown = n >= 2 && n <= (model.startsWith('flux-kontext') ? 4 : 8);
      // Whether the service minds an input that a model does not know is not known: better that a test sees it.
      if (!isKnown) return `${name}: Extra inputs are not permitted`;
      if (photoOf(value, 'base64') === undefined) return `${name}: Invalid base64`;
    }
    return { model, prompt: input['prompt'], photo, input };
  },
  taken: (job, base) => jsonAnswer(200, { id: job.id, polling_url: `${base}/v1/get_result?id=${job.id}`, cost: 4 }),
  polled(job, _base, sample) {
    const isDone = job.state === 'done';
    return jsonAnswer(200, {
      id: job.id,
      status: statusOf(job),
      result: isDone && job.behaviour.kind !== 'no_picture' ? { sample, prompt: '', seed: 42, duration: 3.7 } : null,
      progress: job.state === 'under way' ? 0.5 : null,
      details: job.state === 'moderated' ? { 'Moderation Reasons': ['Derivative Works Filter'] } : null,
      preview: null,
    });
  },
  // The service has no way to cancel a task.
  canceled: () => jsonAnswer(404, { detail: 'Not Found' }),
  error(status, message) {
    const words = message ?? MESSAGES[status] ?? 'The request cannot be served.';
    return jsonAnswer(status, {
      detail: status === 422 ? [{ loc: ['body'], msg: words, type: 'value_error' }] : words,
    });
  },
  noCredits: () => jsonAnswer(402, { detail: 'Insufficient credits. 1 credit = $0.01 USD. Please add credits.' }),
  unknownJob: () => jsonAnswer(200, { id: '', status: 'Task not found', result: null, progress: null, details: null }),
};

function statusOf({ state, behaviour }: PollJob): string {
  if (state === 'under way') return 'Pending';
  if (state === 'done') return 'Ready';
  if (state !== 'moderated') return 'Error';
  return behaviour.kind === 'moderated' && behaviour.stage === 'output' ? 'Content Moderated' : 'Request Moderated';
}
