/**
 * Reads single settings. They are valid against the operation's schema when they arrive; what is left out gets the default
 * that the schema names, and a value of a foreign type counts as left out.
 */
export type Settings = Readonly<Record<string, unknown>>;

/** One of a closed list of words. */
export function readChoice<Choice extends string>(
  settings: Settings,
  key: string,
  choices: readonly Choice[],
  byDefault: Choice,
): Choice {
  return choices.find((choice) => choice === settings[key]) ?? byDefault;
}

/** A number, as the schema bounds it. */
export function readNumber(settings: Settings, key: string, byDefault: number): number {
  const value = settings[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : byDefault;
}

/** A text. */
export function readText(settings: Settings, key: string, byDefault: string): string {
  const value = settings[key];
  return typeof value === 'string' ? value : byDefault;
}

/** `#rrggbb`. Anything else gives the default, so that what it returns can stand in an SVG as it is. */
export function readColour(settings: Settings, key: string, byDefault: string): string {
  const value = readText(settings, key, byDefault);
  return /^#[0-9a-fA-F]{6}$/.test(value) ? value : byDefault;
}
