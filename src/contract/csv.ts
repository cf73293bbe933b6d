/** Tables as CSV (RFC 4180). */

/** What a cell may hold; null is an empty cell. */
export type Cell = string | number | null;

/**
 * A header row and the rows, each ended by CRLF. A text that a spreadsheet would take for a formula gets an apostrophe in front, by
 * which spreadsheets know a text.
 */
export const renderCsv = (head: readonly string[], rows: readonly (readonly Cell[])[]): Buffer =>
  Buffer.from([head, ...rows].map((row) => `${row.map(renderCell).join(',')}\r\n`).join(''));

function renderCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]|^'/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A table with the names of its columns. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** The answer that offers a table as a file. @param fileName without its ending; letters, digits and hyphens only. */
export function csvReply(fileName: string, { head, rows }: Table) {
  const bytes = renderCsv(head, rows);
  return {
    status: 200 as const,
    contentType: 'text/csv' as const,
    headers: {
      'Cache-Control': 'no-store',
      Vary: 'Accept',
      'Content-Disposition': `attachment; filename="${fileName}.csv"`,
    },
    bytes: { kind: 'memory' as const, parts: [bytes], sizeBytes: bytes.length },
  };
}
