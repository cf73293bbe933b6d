import type { Config } from '../config.ts';

/** What a rehearsal's answers carry, so that nobody takes them for real ones. */
export const rehearsalHeaders = ({
  isRehearsal,
}: Pick<Config, 'isRehearsal'>): readonly (readonly [string, string])[] =>
  isRehearsal ? [['PhotoChanger-Rehearsal', '1']] : [];

/** What the lines of a rehearsal's log say. */
export const rehearsalLogMarks = ({ isRehearsal }: Pick<Config, 'isRehearsal'>): Readonly<Record<string, boolean>> =>
  isRehearsal ? { rehearsal: true } : {};
