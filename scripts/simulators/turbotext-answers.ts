import { jsonAnswer } from './poll-dialect.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import type { PollFault, TurbotextBehaviour } from './turbotext-behaviour.ts';

/** What the service says of a job that is not done. */
export const reconnectAnswer = (): PreparedAnswer => jsonAnswer(200, { action: 'reconnect' });

/** A failure in the service's own shape. */
export const failureAnswer = (error: string, status = 200): PreparedAnswer =>
  jsonAnswer(status, { success: false, error });

/** The answer to a job that was taken. */
export const takenAnswer = (queueId: number, behaviour: TurbotextBehaviour): PreparedAnswer =>
  behaviour.kind === 'success' && behaviour.asTexts === true
    ? jsonAnswer(200, { success: 'true', queueid: String(queueId) })
    : jsonAnswer(200, { success: true, queueid: queueId });

/** A finished job: the picture is named at the top, below `data`, or in a list of relative paths. */
export function finishedAnswer(behaviour: TurbotextBehaviour, base: string, path: string): PreparedAnswer {
  const { shape = 'top', asTexts = false } = behaviour.kind === 'success' ? behaviour : {};
  const success = asTexts ? 'true' : true;
  if (behaviour.kind === 'no_picture') return jsonAnswer(200, { success });
  if (shape === 'list') return jsonAnswer(200, { success, data: { image: [path.slice(1)] } });
  const uploaded_image = `${base}${path}`;
  return jsonAnswer(200, shape === 'data' ? { success, data: { uploaded_image } } : { success, uploaded_image });
}

/** What a job is refused with when it is submitted; undefined for a job that is taken, or gets no answer. */
export function refusalAnswer(behaviour: TurbotextBehaviour): PreparedAnswer | undefined {
  switch (behaviour.kind) {
    case 'no_credits':
      return failureAnswer('Недостаточно средств на балансе');
    case 'bad_key':
      return failureAnswer('Неверный API ключ');
    case 'bad_request':
      return failureAnswer('Не передан обязательный параметр url');
    case 'refused':
      return failureAnswer(behaviour.message);
    case 'throttled': {
      const answer = failureAnswer('Слишком много запросов', 429);
      const hint = behaviour.retryAfter === undefined ? {} : { 'retry-after': behaviour.retryAfter };
      return { ...answer, headers: { ...answer.headers, ...hint } };
    }
    case 'status':
      return failureAnswer(behaviour.message ?? 'Ошибка сервера', behaviour.status);
    case 'html':
    case 'truncated_json':
      return uselessAnswer(behaviour.kind);
    case 'empty_body':
      return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.alloc(0) };
    case 'no_id':
      return jsonAnswer(200, { success: true });
    default:
      return undefined;
  }
}

/** What stands in the place of an answer; undefined where there is none at all. */
export function uselessAnswer(fault: PollFault): PreparedAnswer | undefined {
  if (typeof fault === 'number') return failureAnswer('Ошибка сервера', fault);
  switch (fault) {
    case 'html':
      return page('<!doctype html><title>502</title><h1>Bad Gateway</h1>');
    case 'truncated_json':
      return { ...page('{"success": true, "queu'), headers: { 'content-type': 'application/json' } };
    case 'nonsense':
      return jsonAnswer(200, { hello: 'world' });
    default:
      return undefined;
  }
}

const page = (text: string): PreparedAnswer => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: Buffer.from(text),
});
