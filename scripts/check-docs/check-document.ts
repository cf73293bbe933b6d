import { posix } from 'node:path';
import type { Finding } from '../check-house/finding.ts';
import type { House } from './house.ts';
import { type MarkdownParts, type Piece, readMarkdown } from './markdown.ts';

/** A document by its path in the repository. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

const HOUSE_PATH = /^(spec|generated|src|handlers|scripts|tests|\.memory|\.ci)\//;
const NPM_RUN = /\bnpm (?:run(?:-script)? ([\w<>*][\w:.<>*-]*)|(test|start)\b)/g;
const ELSEWHERE = /^([a-z][a-z0-9+.-]*:|\/\/)/i;

/**
 * Whatever a document cites must be there: paths of the repository in code (`<name>` and `NNNN` stand for any text), relative
 * links with their fragments, npm scripts. YAML is read as one block of code.
 */
export function checkDocument(document: Document, house: House): Finding[] {
  const parts = partsOf(document);
  const code = [...parts.spans, ...parts.fences.flatMap(linesOf)];
  const at = (line: number, message: string): Finding => ({ path: document.path, line, message });
  return [
    ...code.flatMap(({ line, text }) => missingPaths(text, house).map((path) => at(line, `${path} does not exist`))),
    ...code.flatMap(({ line, text }) => missingScripts(text, house).map((name) => at(line, `no npm script ${name}`))),
    ...parts.links.flatMap(({ line, text }) => {
      const fault = linkFault(document, text, parts, house);
      return fault === undefined ? [] : [at(line, fault)];
    }),
  ].sort((left, right) => left.line - right.line);
}

function partsOf({ path, text }: Document): MarkdownParts {
  return path.endsWith('.md')
    ? readMarkdown(text)
    : { spans: [], links: [], fences: [{ line: 0, info: '', text }], anchors: new Set() };
}

function linesOf(fence: Piece): Piece[] {
  return fence.text.split('\n').map((text, index) => ({ line: fence.line + 1 + index, text }));
}

function missingPaths(code: string, house: House): string[] {
  return code
    .split(/[\s"'`(),;|]+/)
    .map((word) => word.replace(/^\.\//, '').replace(/(:\d+(-\d+)?|#.*|[.:])$/, ''))
    .filter((word) => HOUSE_PATH.test(word) && !house.matches(patternOf(word)));
}

function patternOf(path: string): string {
  return path.replaceAll(/<[^>]*>|N{4,}/g, '*').replace(/\/$/, '');
}

function missingScripts(code: string, house: House): string[] {
  return [...code.matchAll(NPM_RUN)]
    .map(([, run, short]) => run ?? short ?? '')
    .filter((name) => {
      const pattern = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll(/<[^>]*>|\*/g, '.+')}$`);
      return ![...house.scripts].some((script) => pattern.test(script));
    });
}

function linkFault(document: Document, target: string, parts: MarkdownParts, house: House): string | undefined {
  if (ELSEWHERE.test(target)) {
    return undefined;
  }
  const [path = '', fragment] = decodeURIComponent(target).split('#', 2);
  if (path === '') {
    return fragment === undefined || parts.anchors.has(fragment) ? undefined : `no heading #${fragment} here`;
  }
  const base = path.startsWith('/') ? '.' : posix.dirname(document.path);
  const found = posix.join(base, path).replace(/\/$/, '');
  if (found.startsWith('..') || !house.matches(found)) {
    return `link ${target} leads nowhere`;
  }
  const isAnchored = fragment === undefined || !found.endsWith('.md');
  return isAnchored || readMarkdown(house.read(found) ?? '').anchors.has(fragment)
    ? undefined
    : `${found} has no heading #${fragment}`;
}
