import { type ProviderFailure, REASON_LENGTH_MAX } from '../provider.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/**
 * What came of a piece of work that threw. The picture or the settings are at fault, and the same call fails again; only an
 * operation that sharp stopped at its time limit may come through on another try. `hiddenPaths` do not appear in the reason.
 */
export function studioFailure(error: unknown, hiddenPaths: readonly string[]): ProviderFailure {
  const words = error instanceof Error ? error.message : String(error);
  const isLate = words.startsWith('timeout: ');
  return {
    kind: isLate ? 'unavailable' : 'bad_request',
    retryable: isLate,
    charged: 'no',
    reason: reasonText(words, hiddenPaths),
  };
}

function reasonText(words: string, hiddenPaths: readonly string[]): string {
  const hidden = hiddenPaths.reduce((text, path) => text.replaceAll(path, '(the picture)'), words);
  const line = hidden.replace(CONTROL_CHARACTERS, ' ').trim();
  return line.length <= REASON_LENGTH_MAX ? line : `${line.slice(0, REASON_LENGTH_MAX - 1).toWellFormed()}…`;
}
