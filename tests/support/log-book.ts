/** What a server logged, to be read and to be waited for. */

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface LogBook {
  /** Every line, as text. */
  readonly logged: readonly string[];
  /** Every line, parsed. */
  readonly lines: readonly LogLine[];
  /** Takes a line; the logger's destination. */
  write(line: string): void;
  /** Resolves with the first line, past or to come, that has all of these fields. */
  waitForLine(fields: Readonly<Record<string, unknown>>): Promise<LogLine>;
}

/** An empty book. */
export function createLogBook(): LogBook {
  const logged: string[] = [];
  const lines: LogLine[] = [];
  const waiters = new Set<(line: LogLine) => void>();
  return {
    logged,
    lines,
    write(text) {
      const line = JSON.parse(text) as LogLine;
      logged.push(text);
      lines.push(line);
      for (const hear of [...waiters]) hear(line);
    },
    waitForLine(fields) {
      const matches = (line: LogLine): boolean => Object.entries(fields).every(([name, value]) => line[name] === value);
      const found = lines.find(matches);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve) => {
        const hear = (line: LogLine): void => {
          if (!matches(line)) return;
          waiters.delete(hear);
          resolve(line);
        };
        waiters.add(hear);
      });
    },
  };
}
