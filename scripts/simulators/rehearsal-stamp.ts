/** Letters of 5 × 7 dots: drawn as such they need no font, which a server may not have. */
const LETTERS: Readonly<Record<string, readonly string[]>> = {
  R: ['####.', '#...#', '#...#', '####.', '#.#..', '#..#.', '#...#'],
  E: ['#####', '#....', '#....', '####.', '#....', '#....', '#####'],
  H: ['#...#', '#...#', '#...#', '#####', '#...#', '#...#', '#...#'],
  A: ['.###.', '#...#', '#...#', '#####', '#...#', '#...#', '#...#'],
  S: ['.####', '#....', '#....', '.###.', '....#', '....#', '####.'],
  L: ['#....', '#....', '#....', '#....', '#....', '#....', '#####'],
};
const WORD = 'REHEARSAL';
const LETTER_COLUMNS = 6;
const ROWS = 7;
const MARGIN = 2;

/** The word REHEARSAL in white on a dark band, as wide as asked: nobody takes a picture that bears it for a real one. */
export function rehearsalStamp(widthPx: number): Buffer {
  const columns = WORD.length * LETTER_COLUMNS - 1 + 2 * MARGIN;
  const rows = ROWS + 2 * MARGIN;
  const dots = [...WORD].flatMap((letter, place) =>
    (LETTERS[letter] ?? []).flatMap((line, y) =>
      [...line].flatMap((dot, x) =>
        dot === '#'
          ? [`<rect x="${MARGIN + place * LETTER_COLUMNS + x}" y="${MARGIN + y}" width="1" height="1"/>`]
          : [],
      ),
    ),
  );
  const heightPx = Math.max(1, Math.round((widthPx * rows) / columns));
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${columns} ${rows}">` +
      `<rect width="${columns}" height="${rows}" fill="#000" fill-opacity="0.6"/><g fill="#fff" shape-rendering="crispEdges">${dots.join('')}</g></svg>`,
  );
}
