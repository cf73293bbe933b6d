/** Reading of `value; name=token; name="quoted"`, the form of Content-Type and Content-Disposition. */

export interface ParameterisedValue {
  /** What stands before the first semicolon, lower-case and without blanks. */
  readonly value: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER = /;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"[ \t]*|([^;"]*)))?/sy;

/**
 * Takes a header's value apart. Unquoted values may hold any character but `;` and `"`, because clients send boundaries with `=`
 * and file names with blanks unquoted. In a quoted value only `\"` and `\\` are escapes, so that Windows paths survive.
 *
 * @returns nothing when the text is malformed or names a parameter twice (readers would disagree about which one counts).
 */
export function parseParameterisedValue(text: string): ParameterisedValue | undefined {
  const end = text.indexOf(';');
  const value = (end === -1 ? text : text.slice(0, end)).trim().toLowerCase();
  const parameters = new Map<string, string>();
  let at = end === -1 ? text.length : end;
  while (at < text.length) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(text);
    if (match === null) return undefined;
    at = PARAMETER.lastIndex;
    const name = match[1]?.toLowerCase();
    if (name === undefined) continue;
    if (parameters.has(name)) return undefined;
    parameters.set(name, match[2]?.replace(/\\(["\\])/g, '$1') ?? match[3]?.trim() ?? '');
  }
  return { value, parameters };
}
