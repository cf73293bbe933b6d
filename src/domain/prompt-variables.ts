/**
 * Variables of prompts: `{{name}}` or `{{name|default text}}` in a text setting stands for what the station sent with the photo:
 * a survey's answer, a guest's name (`{{survey1}}`), a token of the request's URL (`{{url.table}}`).
 */

interface PromptText {
  /** Code points of the filled text, unless the written one is longer already. No schema of the setting allows fewer. */
  readonly lengthMax: number;
  /** Words of the filled text, unless the written one has more already. */
  readonly wordsMax?: number;
  /** Whether it is drawn, letter by letter, and not read by a model. */
  readonly isDrawn: boolean;
}

/** Every setting, of any provider's operation, in which variables are filled. */
export const PROMPT_TEXTS: Readonly<Record<string, PromptText>> = {
  prompt: { lengthMax: 2_000, isDrawn: false },
  negative_prompt: { lengthMax: 1_000, wordsMax: 80, isDrawn: false },
  caption: { lengthMax: 80, isDrawn: true },
  text: { lengthMax: 80, isDrawn: true },
};

/** The longest value of one variable, in code points. */
export const VARIABLE_LENGTH_MAX = 200;

/** Text between the bars and the braces has neither of the two-brace marks in it, so that no placeholder reaches into another. */
const PLACEHOLDER = /\{\{([A-Za-z0-9_.-]{1,64})(?:\|((?:(?!\{\{|\}\}).)*))?\}\}/gs;

/** What is read of a value at all; longer than any value that is kept, so that what is removed from it makes room. */
const READ_LENGTH_MAX = 2_000;

const SPACES = /[\p{Cc}\p{Z}]+/gu;
/** Format characters (bidi, zero-width, tags), whatever else is invisible, private, unassigned or half a pair. */
const INVISIBLE = /[\p{C}\p{Default_Ignorable_Code_Point}\uFFFD]+/gu;
/** Everything a prompt may have put a value between: quotation marks of all kinds, and the brackets of tags. */
const QUOTES = /[\p{Pi}\p{Pf}"'`‚„‟´＂＇「」『』〝〞〟<>]/gu;
const QUOTE_SUBSTITUTES: Readonly<Record<string, string>> = { '<': '‹', '>': '›' };
/** What the studio's font cannot draw, as the schemas of captions say it; variation selectors are gone before. */
const UNDRAWABLE = /[^ -~\u00a0-¬®-ſЀ-џҐ-ғҚқҢңҮ-ҳҶҷҺһӘәӢӣӨөӮӯ–—‘-‚“-„•…‹›€₴₸₽№™←-↓−★♥❤]+/gu;

type Settings = Readonly<Record<string, unknown>>;

/**
 * Fills the variables of the settings' texts ({@link PROMPT_TEXTS}) with what came with the photo. A variable that is missing or
 * empty gives its default, or nothing; what is no placeholder stays as it is written. A text of which nothing is left is left out.
 *
 * Values come from strangers, so of each at most {@link VARIABLE_LENGTH_MAX} code points are used, and of all together what the text
 * has room for: the words of whoever wrote the text are never cut. Line breaks and control characters become spaces, invisible and
 * bidirectional format characters go, and what looks like a placeholder in a value is not filled again. In a prompt, every quotation
 * mark of a value becomes a typographic apostrophe and angle brackets become `‹›`: a value cannot close the quotation or the tag it was
 * put in, whichever the prompt uses. (A model may still follow what a guest's words tell it; only their length bounds that.) In a
 * text that is drawn, the characters that cannot be drawn are dropped and quotation marks stay.
 *
 * @param settings valid against their operation's schema; so is what is returned, but for a required text that came to nothing.
 * @returns the same object where there is nothing to fill.
 */
export function fillPromptVariables(settings: Settings, metadata: Readonly<Record<string, string>>): Settings {
  const filled = Object.entries(settings).map(([key, setting]): [key: string, value: unknown] => {
    const kind = Object.hasOwn(PROMPT_TEXTS, key) ? PROMPT_TEXTS[key] : undefined;
    if (kind === undefined || typeof setting !== 'string' || !setting.includes('{{')) return [key, setting];
    const text = fillText(setting, metadata, kind);
    return [key, text.trim() === '' ? undefined : text];
  });
  if (filled.every(([key, value]) => value === settings[key])) return settings;
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}

interface Piece {
  readonly text: string;
  readonly isValue: boolean;
}

function fillText(written: string, metadata: Readonly<Record<string, string>>, kind: PromptText): string {
  const pieces = cutAtPlaceholders(written, metadata, kind);
  const own = pieces.filter(({ isValue }) => !isValue).map(({ text }) => text);
  const room = {
    characters: Math.max(kind.lengthMax, lengthOf(written)) - lengthOf(own.join('')),
    words: kind.wordsMax === undefined ? Number.POSITIVE_INFINITY : kind.wordsMax - wordsOf(own.join(' ')).length,
  };
  let filled = '';
  for (const { text, isValue } of pieces) {
    const part = isValue ? shorten(text, room) : text;
    if (isValue) {
      room.characters -= lengthOf(part);
      room.words -= wordsOf(part).length;
    }
    filled += part;
  }
  return filled;
}

/** What was written, with the defaults that apply, and the values between. */
function cutAtPlaceholders(written: string, metadata: Readonly<Record<string, string>>, kind: PromptText): Piece[] {
  const pieces: Piece[] = [];
  const values = new Map<string, string>();
  let end = 0;
  for (const { 0: placeholder, 1: name = '', 2: byDefault = '', index } of written.matchAll(PLACEHOLDER)) {
    const value = values.get(name) ?? lookUp(metadata, name, kind);
    values.set(name, value);
    pieces.push({ text: written.slice(end, index), isValue: false });
    pieces.push(value === '' ? { text: byDefault, isValue: false } : { text: value, isValue: true });
    end = index + placeholder.length;
  }
  return [...pieces, { text: written.slice(end), isValue: false }];
}

const lookUp = (metadata: Readonly<Record<string, string>>, name: string, { isDrawn }: PromptText): string =>
  Object.hasOwn(metadata, name) ? cleanValue(String(metadata[name] ?? ''), isDrawn) : '';

/** One line of visible characters that cannot end what it is put in. */
function cleanValue(value: string, isDrawn: boolean): string {
  const visible = value
    .slice(0, READ_LENGTH_MAX)
    .replaceAll(SPACES, ' ')
    .replaceAll(INVISIBLE, '')
    // a decomposed letter is drawn, and counted, as one
    .normalize('NFC');
  const fitting = isDrawn
    ? visible.replaceAll(UNDRAWABLE, '')
    : visible.replaceAll(QUOTES, (mark) => QUOTE_SUBSTITUTES[mark] ?? '’');
  const words = wordsOf(fitting).join(' ');
  return shorten(words, { characters: VARIABLE_LENGTH_MAX, words: Number.POSITIVE_INFINITY });
}

function shorten(text: string, room: { readonly characters: number; readonly words: number }): string {
  if (room.characters <= 0 || room.words <= 0) return '';
  const fitting = wordsOf(text).slice(0, room.words).join(' ');
  return [...fitting].slice(0, room.characters).join('').trimEnd();
}

const lengthOf = (text: string): number => [...text].length;

const wordsOf = (text: string): string[] => text.split(/\s+/u).filter((word) => word !== '');
