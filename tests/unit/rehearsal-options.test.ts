import { describe, expect, test } from 'vitest';
import { readOptions, UsageError } from '../../scripts/rehearsal/options.ts';

describe('the rehearsal’s command line', () => {
  test('plays the whole bad morning twice, where nothing else is asked for', () => {
    expect(readOptions([])).toMatchObject({
      photos: 500,
      windowSeconds: 48,
      halves: ['without', 'with'],
      isMild: false,
      picturesMin: undefined,
    });
  });

  test('explains itself', () => {
    expect(readOptions(['--help'])).toContain('What can differ');
  });

  test.each([
    [['--photos', '0']],
    [['--photos', '1.5']],
    [['--photos', '16384']],
    [['--only', 'both']],
    [['--minutes', 'soon']],
    [['--minutes', '-1']],
    [['--pictures-min', '101']],
    [['--seed', '1e3']],
    [['--nonsense']],
    [['a-word']],
  ])('refuses %j', (words) => {
    expect(() => readOptions(words)).toThrow(UsageError);
  });
});
