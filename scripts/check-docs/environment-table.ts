const BEGIN = '<!-- environment:begin -->';
const END = '<!-- environment:end -->';

/**
 * The README with `table` between its two environment markers; equal to `readme` when the table is up to date.
 *
 * @throws Error when a marker is missing, doubled or out of order.
 */
export function placeEnvironmentTable(readme: string, table: string): string {
  const [before, rest, ...moreBegins] = readme.split(BEGIN);
  const [old, after, ...moreEnds] = (rest ?? '').split(END);
  if (before === undefined || old === undefined || after === undefined || moreBegins.length + moreEnds.length > 0) {
    throw new Error(`README.md needs ${BEGIN} and, below it, ${END}, each once`);
  }
  return `${before}${BEGIN}\n\n${table.trim()}\n\n${END}${after}`;
}
