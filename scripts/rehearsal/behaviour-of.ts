import type { GeminiBehaviour } from '../simulators/gemini-behaviour.ts';
import type { OpenAiBehaviour } from '../simulators/openai-behaviour.ts';
import type { PollBehaviour } from '../simulators/poll-behaviour.ts';
import type { TurbotextBehaviour } from '../simulators/turbotext-behaviour.ts';
import type { Draw } from './draw-fault.ts';

const SERVER_ERRORS = [500, 502, 503, 504] as const;
/** Quicker than the real services, so that a morning takes minutes. */
const GEMINI_MS = [1_000, 3_000] as const;
const OPENAI_MS = [1_500, 4_000] as const;
const EMPTY_MS = [600, 1_200] as const;
const ERROR_MS = [100, 800] as const;
/** A service that is down says so at once. */
const DOWN_MS = [20, 200] as const;

const within = ({ random }: Draw, [low, high]: readonly [number, number]): number =>
  Math.round(random.between(low, high));

/** How the simulated Gemini shows what was drawn. */
export function geminiBehaviour(draw: Draw): GeminiBehaviour {
  const { fault, random } = draw;
  switch (fault) {
    case 'none':
      return { kind: 'success', delayMs: within(draw, GEMINI_MS) };
    case 'no_image':
      return { kind: 'no_image', delayMs: within(draw, EMPTY_MS) };
    case 'server_error':
      return { kind: 'status', status: random.pick(SERVER_ERRORS), delayMs: within(draw, ERROR_MS) };
    case 'hang':
      return { kind: 'hang' };
    case 'cut':
      return { kind: 'cut', afterBytes: random.pick([0, 5_000]), delayMs: within(draw, GEMINI_MS) };
    case 'throttled':
      return random.pick([
        { kind: 'throttled' },
        { kind: 'throttled', retryDelaySeconds: 4 },
        { kind: 'throttled', retryAfter: '3' },
      ] as const);
    case 'down':
      return { kind: 'status', status: 503, delayMs: within(draw, DOWN_MS) };
  }
}

/** How the simulated OpenAI shows what was drawn. */
export function openAiBehaviour(draw: Draw): OpenAiBehaviour {
  const { fault, random } = draw;
  switch (fault) {
    case 'none':
      return { kind: 'success', format: 'jpeg', delayMs: within(draw, OPENAI_MS) };
    case 'no_image':
      return { kind: 'no_image', delayMs: within(draw, EMPTY_MS) };
    case 'server_error':
      return { kind: 'status', status: random.pick(SERVER_ERRORS), delayMs: within(draw, ERROR_MS) };
    case 'hang':
      return { kind: 'hang' };
    case 'cut':
      return { kind: 'cut', afterBytes: random.pick([0, 5_000]), delayMs: within(draw, OPENAI_MS) };
    case 'throttled':
      return random.pick([{ kind: 'throttled' }, { kind: 'throttled', retryAfter: '3' }] as const);
    case 'down':
      return { kind: 'status', status: 503, delayMs: within(draw, DOWN_MS) };
  }
}

/** How the simulated poll services show what was drawn. */
export function pollBehaviour(draw: Draw): PollBehaviour {
  const { fault, random } = draw;
  switch (fault) {
    case 'none':
      return { kind: 'success', polls: within(draw, [2, 6]) };
    case 'no_image':
      return { kind: 'no_picture' };
    case 'server_error':
      return { kind: 'status', status: random.pick(SERVER_ERRORS), delayMs: within(draw, ERROR_MS) };
    case 'hang':
      return random.pick([{ kind: 'hang' }, { kind: 'never' }] as const);
    case 'cut':
      return { kind: 'cut', delayMs: within(draw, ERROR_MS) };
    case 'throttled':
      return random.pick([{ kind: 'throttled' }, { kind: 'throttled', retryAfter: '3' }] as const);
    case 'down':
      return { kind: 'status', status: 503, delayMs: within(draw, DOWN_MS) };
  }
}

/** How the simulated Turbotext shows what was drawn. */
export function turbotextBehaviour(draw: Draw): TurbotextBehaviour {
  const { fault, random } = draw;
  switch (fault) {
    case 'none':
      return { kind: 'success', polls: random.pick([0, 1]), shape: random.pick(['top', 'data', 'list'] as const) };
    case 'no_image':
      return { kind: 'no_picture' };
    case 'server_error':
      return { kind: 'status', status: random.pick(SERVER_ERRORS), delayMs: within(draw, ERROR_MS) };
    case 'hang':
      return random.pick([{ kind: 'hang' }, { kind: 'never' }] as const);
    case 'cut':
      return { kind: 'cut', delayMs: within(draw, ERROR_MS) };
    case 'throttled':
      return random.pick([{ kind: 'throttled' }, { kind: 'throttled', retryAfter: '3' }] as const);
    case 'down':
      return { kind: 'status', status: 503, delayMs: within(draw, DOWN_MS) };
  }
}
