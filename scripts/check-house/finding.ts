/** One breach of a rule of the house. `line` counts from 1. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** `path:line message`, the form editors and terminals turn into links. */
export function formatFinding(finding: Finding): string {
  return `${finding.path}:${finding.line} ${finding.message}`;
}
