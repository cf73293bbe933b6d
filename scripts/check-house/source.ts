import ts from 'typescript';
import type { Finding } from './finding.ts';

/** A parsed source file and its path relative to the top of the repository, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** A rule of the house over one file. Pure: it reads nothing but its argument. */
export type HouseRule = (source: Source) => Finding[];

/** Parses without resolving imports or types; a file with syntax errors still gives a tree. */
export function parseSource(path: string, text: string): Source {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
}

/** The line of `node`'s first character, comments before it not counted. */
function lineOf(source: Source, node: ts.Node): number {
  return source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line + 1;
}

/** Calls `visit` with every node of the file, parents first. */
export function walk(source: Source, visit: (node: ts.Node) => void): void {
  const enter = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, enter);
  };
  enter(source.tree);
}

/** The finding for `node`. */
export function findingAt(source: Source, node: ts.Node, message: string): Finding {
  return { path: source.path, line: lineOf(source, node), message };
}
