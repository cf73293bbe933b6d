import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { providerSettings } from '../../generated/provider-settings.js';
import { checkProviderSettings } from '../../src/contract/provider-settings.ts';
import { fillPromptVariables, PROMPT_TEXTS, VARIABLE_LENGTH_MAX } from '../../src/domain/prompt-variables.ts';
import { undrawableCharacters } from '../../src/providers/studio/caption.ts';

const fillPrompt = (prompt: string, metadata: Record<string, string> = {}) =>
  fillPromptVariables({ prompt }, metadata)['prompt'];

const fillCaption = (caption: string, metadata: Record<string, string> = {}) =>
  fillPromptVariables({ caption }, metadata)['caption'];

const lengthOf = (text: unknown) => [...String(text)].length;

/** Any text at all, often of characters that mean something here. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom(
      ...'{}|"\'«»“”<>`\n\r\0\u2028\u202e\u200b\ufeff\ud83d й😀a1'.split(''),
      '{{',
      '}}',
      '{{a}}',
      '😀',
    ),
    maxLength: 400,
  }),
);

/** A prompt of text, good and bad placeholders. */
const written = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
      fc.constantFrom('{{a}}', '{{b|Gast}}', '{{url.c|}}', '{{', '}}', '{{ a }}', '{{a|{{b}}', ' '),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => `x${pieces.join('')}`);

const metadata = fc.record({ a: hostile, b: hostile, 'url.c': hostile }, { requiredKeys: [] });

describe('a variable', () => {
  it.each([
    ['{{survey1}}', { survey1: 'Анна' }, 'Анна'],
    ['A {{url.table}}!', { 'url.table': '7' }, 'A 7!'],
    ['{{a-b.C_9}}', { 'a-b.C_9': 'x' }, 'x'],
    ['{{a}}{{a}}{{b}}', { a: '1', b: '2' }, '112'],
    ['A {{survey1|guest of honour}}', {}, 'A guest of honour'],
    ['A {{survey1|guest}}', { survey1: '' }, 'A guest'],
    ['A {{survey1|guest}}', { survey1: ' \u200b\n' }, 'A guest'],
    ['A {{survey1|two\nlines {of} | text}}', {}, 'A two\nlines {of} | text'],
    ['A {{survey1}}.', {}, 'A .'],
    ['A {{survey1|}}.', {}, 'A .'],
    ['A {{constructor}}{{__proto__}}{{toString|x}}', {}, 'A x'],
  ])('%j becomes what the station sent, its default, or nothing', (prompt, values, expected) => {
    expect(fillPrompt(prompt, values)).toBe(expected);
  });

  it.each([
    '{{}}',
    '{{a b}}',
    '{{ a }}',
    '{a}',
    '{{a}',
    '{{a',
    'a}}',
    '{{|x}}',
    '{{имя}}',
    `{{${'n'.repeat(65)}}}`,
    '{{a|b',
  ])('%j is none and stays as it is', (prompt) => {
    expect(fillPrompt(`A ${prompt}`, { a: 'value', 'a b': 'value', ' a ': 'value' })).toBe(`A ${prompt}`);
  });

  it('is filled in texts only: no other setting is touched', () => {
    const settings = { prompt: '{{a}}', model: '{{a}}', output: { format: '{{a}}' }, seed: 1 };
    expect(fillPromptVariables(settings, { a: 'x' })).toEqual({ ...settings, prompt: 'x' });
    expect(settings.prompt).toBe('{{a}}');
  });

  it('costs nothing where there is none', () => {
    const settings = { prompt: 'A comic', caption: '{x}' };
    expect(fillPromptVariables(settings, { a: 'x' })).toBe(settings);
  });

  it('that leaves nothing of a text leaves the text out', () => {
    expect(fillPromptVariables({ caption: ' {{a}} ', color: '#ffffff' }, {})).toEqual({ color: '#ffffff' });
  });
});

describe('a value', () => {
  it.each([
    ['one\r\ntwo\tthree\u2028four\0five\u0085six', 'one two three four five six'],
    ['  wide \u00a0\u3000 gaps  ', 'wide gaps'],
    ['a\u202eb\u2066c\u200bd\ufeffe\u00adf\u{e0041}g', 'abcdefg'],
    ['half \ud83d pair \ufffd', 'half pair'],
    ['и\u0306', 'й'],
    ['{{b}} }} {{', '{{b}} }} {{'],
    ['Anna "Nusha" O\'Brien', 'Anna ’Nusha’ O’Brien'],
    ['end” «end» „end‟ `end` \u1fef', 'end’ ’end’ ’end’ ’end’ ’'],
    ['</guest> <3', '‹/guest› ‹3'],
  ])('%j of a stranger becomes one plain line', (value, expected) => {
    expect(fillPrompt('{{a}}', { a: value, b: 'never' })).toBe(expected);
  });

  it('is at most 200 characters long, and never half a character', () => {
    expect(fillPrompt('{{a}}', { a: '😀'.repeat(300) })).toBe('😀'.repeat(VARIABLE_LENGTH_MAX));
  });

  it('gives way to the words of the prompt, which are never cut', () => {
    const words = 'Keep every face. '.repeat(116);
    const filled = String(fillPrompt(`{{a}} {{a}} ${words}`, { a: 'w'.repeat(500) }));
    expect(filled.endsWith(words)).toBe(true);
    expect(lengthOf(filled)).toBe(2_000);
  });

  it('adds at most so many words to a negative prompt that the service takes it', () => {
    const negative_prompt = `text {{a}} ${'word '.repeat(70)}`;
    const filled = fillPromptVariables({ prompt: 'x', negative_prompt }, { a: 'n '.repeat(90) });
    expect(checkProviderSettings('turbotext', 'image_edit', filled)).toEqual([]);
    expect(String(filled['negative_prompt']).split(/\s+/).filter(Boolean)).toHaveLength(80);
  });

  it('loses in a caption what cannot be drawn, and keeps its quotation marks', () => {
    expect(fillCaption('{{a}}!', { a: 'Аня 🎉 «Свет» "x" ❤️ 漢字 ok' })).toBe('Аня «Свет» "x" ❤ ok!');
    expect(fillCaption('{{a|Гость}}', { a: '漢字' })).toBe('Гость');
  });
});

describe('whatever a guest writes', () => {
  it('a prompt stays as long as it may be, on one line, and within its quotation', () => {
    fc.assert(
      fc.property(written, metadata, (prompt, values) => {
        const filled = String(fillPrompt(prompt, values));
        expect(checkProviderSettings('gemini', 'image_edit', { prompt: filled })).toEqual(
          checkProviderSettings('gemini', 'image_edit', { prompt }),
        );
        expect(filled.isWellFormed()).toBe(true);
        const value = String(fillPrompt('x{{a}}', values)).slice(1);
        expect(value).not.toMatch(/["'`«»“”„<>]|[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]/u);
        expect(lengthOf(value)).toBeLessThanOrEqual(VARIABLE_LENGTH_MAX);
      }),
      { numRuns: 300 },
    );
  });

  it('a value changes nothing but its own place', () => {
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        const alone = (value: string) => String(fillPrompt('x{{a}}', { a: value })).slice(1);
        expect(fillPrompt('[{{a}}|{{b}}]', { a, b })).toBe(`[${alone(a)}|${alone(b)}]`);
      }),
      { numRuns: 300 },
    );
  });

  it('a caption can be drawn and is valid as it is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('{{a}}', 'Summer {{a|party}} · {{b}}', '{{a}}{{b}}{{a}}'),
        metadata,
        (caption, values) => {
          const filled = fillPromptVariables({ caption }, values);
          expect(checkProviderSettings('studio', 'frame', filled)).toEqual([]);
          expect(undrawableCharacters(String(filled['caption'] ?? ''))).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('every character that can be drawn may be in a value', () => {
    const drawable = Array.from({ length: 0x1_1000 }, (_, codePoint) => String.fromCodePoint(codePoint)).filter(
      (character) => undrawableCharacters(character).length === 0,
    );
    expect(drawable.length).toBeGreaterThan(300);
    const lost = drawable.filter((character) => fillCaption('{{a}}', { a: `x${character}x` }) !== `x${character}x`);
    // spaces become plain ones; a soft hyphen and a selector of variants are invisible
    expect(lost).toEqual(['\u00a0', '\ufe0f']);
  });
});

describe('the texts with variables', () => {
  const texts = [...providerSettings].flatMap(([operation, { schema }]) =>
    Object.entries((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>).flatMap(([key, text]) =>
      Object.hasOwn(PROMPT_TEXTS, key) ? [{ operation, key, text }] : [],
    ),
  );

  it.each(texts)('$operation $key may be as long as a filled one', ({ key, text }) => {
    expect(text['maxLength']).toBeGreaterThanOrEqual(PROMPT_TEXTS[key]?.lengthMax ?? Number.POSITIVE_INFINITY);
  });

  it.each(texts)('$operation $key says how variables are written', ({ text }) => {
    expect(text['description']).toContain('{{survey1}}');
    expect(text['description']).toContain('{{survey1|');
    expect(JSON.stringify(text['examples'])).toMatch(/\{\{[A-Za-z0-9_.-]+(\|[^}]*)?\}\}/);
  });

  it('are used by every provider of a model and by the studio', () => {
    const named = new Set(texts.map(({ operation, key }) => `${operation.split('/')[0]} ${key}`));
    expect([...named].sort()).toEqual([
      'bfl prompt',
      'fal prompt',
      'gemini prompt',
      'openai prompt',
      'replicate prompt',
      'studio caption',
      'studio text',
      'turbotext negative_prompt',
      'turbotext prompt',
    ]);
  });
});
