import type { PollBehaviour } from './poll-behaviour.ts';
import { areWhole, jsonAnswer, type PollDialect, photoOf } from './poll-dialect.ts';
import { type PollSimulator, type PollSimulatorOptions, startPollSimulator } from './poll-simulator.ts';

/** A simulator of fal's queue on loopback. */
export function startFalSimulator(options: PollSimulatorOptions = {}): Promise<PollSimulator> {
  return startPollSimulator(FAL, options);
}

const MESSAGES: Readonly<Record<number, string>> = {
  401: 'No user found for Key ID and Secret',
  404: 'Not Found',
  429: 'Too many requests',
};

const FAL: PollDialect = {
  provider: 'fal',
  keyOf: ({ authorization }) => /^Key (.+)$/.exec(String(authorization ?? ''))?.[1] ?? '',
  route(method, path) {
    const [, picture] = /^\/picture\/([0-9a-f-]+)$/.exec(path) ?? [];
    if (picture !== undefined) return { step: 'picture', jobId: picture };
    const [, jobId, tail] = /^\/[\w.-]+\/[\w.-]+\/requests\/([0-9a-f-]+)(\/status|\/cancel)?$/.exec(path) ?? [];
    if (jobId === undefined) {
      const isModel = /^(?:\/[A-Za-z0-9][\w.-]*){2,5}$/.test(path) && !path.includes('/requests/');
      return method === 'POST' && isModel ? { step: 'submit', jobId: undefined } : undefined;
    }
    if (tail === '/cancel') return method === 'PUT' ? { step: 'cancel', jobId } : undefined;
    return method === 'GET' ? { step: tail === '/status' ? 'poll' : 'result', jobId } : undefined;
  },
  read(path, headers, body) {
    const input = (body ?? {}) as Record<string, unknown>;
    if (headers['content-type'] !== 'application/json') return 'The content type is not application/json.';
    const { image_url: one, image_urls: several } = input;
    const photo = photoOf(one ?? several, 'data_uri');
    if (photo === undefined) return 'field required: image_url';
    if (one !== undefined && typeof one !== 'string') return 'image_url: Input should be a valid string';
    if (several !== undefined && !Array.isArray(several)) return 'image_urls: Input should be a valid list';
    if (several !== undefined && !areWhole(several, 'data_uri')) return 'image_urls: Failed to load the image';
    if (typeof input['prompt'] !== 'string') return 'field required: prompt';
    return { model: path.slice(1), prompt: input['prompt'], photo, input };
  },
  // Requests of a job are asked for below the model's owner and name, whatever follows them.
  taken(job, base) {
    const url = `${base}/${job.model.split('/').slice(0, 2).join('/')}/requests/${job.id}`;
    return jsonAnswer(200, {
      status: 'IN_QUEUE',
      request_id: job.id,
      response_url: url,
      status_url: `${url}/status`,
      cancel_url: `${url}/cancel`,
      logs: null,
      metrics: {},
      queue_position: job.pollsLeft,
    });
  },
  // Whether the model failed is told by the result, not by the status.
  polled(job, base) {
    const response_url = `${base}/${job.model.split('/').slice(0, 2).join('/')}/requests/${job.id}`;
    const shared = { request_id: job.id, response_url, logs: null };
    if (job.state !== 'under way')
      return jsonAnswer(200, { ...shared, status: 'COMPLETED', metrics: { inference_time: 3.7 } });
    if (job.pollsLeft === 0) return jsonAnswer(202, { ...shared, status: 'IN_PROGRESS' });
    return jsonAnswer(202, { ...shared, status: 'IN_QUEUE', queue_position: job.pollsLeft });
  },
  result(job, url) {
    if (job.state === 'under way') return jsonAnswer(400, { detail: 'Request is still in progress' });
    if (job.state === 'moderated')
      return detailAnswer(422, 'content_policy_violation', 'The content was flagged by a content checker.');
    if (job.state !== 'done')
      return detailAnswer(500, 'internal_server_error', messageOf(job.behaviour) ?? 'Internal server error');
    const images =
      job.behaviour.kind === 'no_picture' ? [] : [{ url, content_type: 'image/jpeg', width: 1024, height: 768 }];
    return jsonAnswer(200, { images, timings: {}, seed: 42, has_nsfw_concepts: [false], prompt: '' });
  },
  canceled: (job) =>
    job.state === 'canceled'
      ? jsonAnswer(202, { status: 'CANCELLATION_REQUESTED' })
      : jsonAnswer(400, { status: 'ALREADY_COMPLETED' }),
  error(status, message) {
    const words = message ?? MESSAGES[status] ?? 'The request cannot be served.';
    return status === 422 ? detailAnswer(422, 'value_error', words) : jsonAnswer(status, { detail: words });
  },
  noCredits: () => jsonAnswer(403, { detail: 'User is locked. Reason: Exhausted balance. Top up your balance.' }),
  unknownJob: () => jsonAnswer(404, { detail: 'Request not found' }),
};

function detailAnswer(status: number, type: string, msg: string) {
  const headers = { 'x-fal-retryable': String(status >= 500) };
  return jsonAnswer(status, { detail: [{ loc: ['body', 'prompt'], msg, type }] }, headers);
}

function messageOf(behaviour: PollBehaviour): string | undefined {
  return behaviour.kind === 'failed' ? behaviour.message : undefined;
}
