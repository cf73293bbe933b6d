/** What a change means to clients that were made from the earlier contract. */
export type Level = 'breaking' | 'additive' | 'wording';

export interface Difference {
  readonly level: Level;
  /** The operation and the place in it. */
  readonly where: string;
  readonly message: string;
}

/** @returns the gravest level of all, or `undefined` when nothing differs. */
export function gravest(differences: readonly Difference[]): Level | undefined {
  return (['breaking', 'additive', 'wording'] as const).find((level) =>
    differences.some((difference) => difference.level === level),
  );
}

/** Walks two sets of named things. */
export function compareNamed<T>(
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
  each: {
    removed(name: string, was: T): readonly Difference[];
    added(name: string, is: T): readonly Difference[];
    kept(name: string, was: T, is: T): readonly Difference[];
  },
): Difference[] {
  const result: Difference[] = [];
  for (const [name, was] of Object.entries(before)) {
    result.push(...(Object.hasOwn(after, name) ? each.kept(name, was, after[name] as T) : each.removed(name, was)));
  }
  for (const [name, is] of Object.entries(after)) {
    if (!Object.hasOwn(before, name)) result.push(...each.added(name, is));
  }
  return result;
}

/** Equal as JSON, whatever the order of members. */
export function isSame(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

/** A text that is equal for equal JSON values. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return String(JSON.stringify(value));
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
    .sort()
    .join()}}`;
}
