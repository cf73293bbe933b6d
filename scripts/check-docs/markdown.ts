/** A piece of a document and the line it stands on, from 1. */
export interface Piece {
  readonly line: number;
  readonly text: string;
}

/** A fenced block; `line` is the line of the opening fence, `info` what follows it (`sh run`). */
export interface Fence extends Piece {
  readonly info: string;
}

/** What the checks look at in a document. */
export interface MarkdownParts {
  readonly spans: readonly Piece[];
  readonly links: readonly Piece[];
  readonly fences: readonly Fence[];
  /** What a link's `#fragment` may name. */
  readonly anchors: ReadonlySet<string>;
}

const FENCE = /^\s*(`{3,}|~{3,})\s*(.*)$/;
const SPAN = /(`+)(.+?)\1(?!`)/g;
const LINKS = [
  /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g,
  /^\s*\[[^\]]+\]:\s*<?([^\s>]+)/g,
  /\b(?:href|src)="([^"]+)"/g,
];
const HEADING = /^#{1,6}\s+(.+?)\s*#*$/;

/** Reads the parts of CommonMark that name things: code, links, headings. Code spans that cross a line are not seen. */
export function readMarkdown(text: string): MarkdownParts {
  const spans: Piece[] = [];
  const links: Piece[] = [];
  const fences: Fence[] = [];
  const headings: string[] = [];
  const named: string[] = [];
  let open: { mark: string; fence: Fence } | undefined;
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    const [, mark, info = ''] = FENCE.exec(content) ?? [];
    if (open !== undefined) {
      const closes = mark?.startsWith(open.mark) === true && info === '';
      if (closes) {
        fences.push(open.fence);
      }
      open = closes ? undefined : { ...open, fence: { ...open.fence, text: `${open.fence.text}${content}\n` } };
    } else if (mark !== undefined) {
      open = { mark, fence: { line, info: info.trim(), text: '' } };
    } else {
      spans.push(...[...content.matchAll(SPAN)].map(([, , code = '']) => ({ line, text: code.trim() })));
      const prose = content.replaceAll(SPAN, '');
      links.push(
        ...LINKS.flatMap((link) => [...prose.matchAll(link)].map(([, target = '']) => ({ line, text: target }))),
      );
      headings.push(...(HEADING.exec(content)?.slice(1) ?? []));
      named.push(...[...prose.matchAll(/\b(?:id|name)="([^"]+)"/g)].map(([, name = '']) => name));
    }
  }
  return {
    spans,
    links,
    fences: open === undefined ? fences : [...fences, open.fence],
    anchors: anchorsOf(headings, named),
  };
}

/** Anchors as GitHub makes them: lower case, no punctuation, `-` for spaces, `-1` and so on for a repeated heading. */
function anchorsOf(headings: readonly string[], named: readonly string[]): Set<string> {
  const anchors = new Set(named);
  for (const heading of headings) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    let anchor = slug;
    for (let repeat = 1; anchors.has(anchor); repeat += 1) {
      anchor = `${slug}-${repeat}`;
    }
    anchors.add(anchor);
  }
  return anchors;
}
