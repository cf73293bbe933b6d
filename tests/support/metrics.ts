/** Reading metrics as Prometheus does. */
import { ask } from './http.ts';

export const METRICS_TOKEN = 'test-metrics-token-0123';

/** One line of the text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(?<name>[a-zA-Z_]\w*)="(?<value>(?:[^"\\]|\\.)*)"/g;

/** What was scraped. */
export interface Scrape {
  readonly text: string;
  readonly samples: readonly Sample[];
  /** The types by metric. */
  readonly types: ReadonlyMap<string, string>;
  /** The value of the one series with these labels, and perhaps others; undefined when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

/** Reads the text format. @throws Error for a line that is not of it. */
export function readMetrics(text: string): Scrape {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const [, name = '', type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== '') types.set(name, type);
    if (line === '' || line.startsWith('#')) continue;
    const found = SAMPLE.exec(line)?.groups;
    if (found === undefined) throw new Error(`no line of the text format: ${line}`);
    const labels = [...(found['labels'] ?? '').matchAll(LABEL)].map(({ groups }) => [
      groups?.['name'],
      groups?.['value'],
    ]);
    samples.push({ name: found['name'] ?? '', labels: Object.fromEntries(labels), value: Number(found['value']) });
  }
  return {
    text,
    samples,
    types,
    value(name, labels = {}) {
      const fits = samples.filter(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      if (fits.length > 1) throw new Error(`${name} has ${fits.length} such series`);
      return fits[0]?.value;
    },
  };
}

/** Scrapes a server that was started with {@link METRICS_TOKEN}. */
export async function scrape({ url }: { readonly url: string }): Promise<Scrape> {
  const answer = await ask(`${url}/metrics`, { headers: { Authorization: `Bearer ${METRICS_TOKEN}` } });
  if (answer.status !== 200) throw new Error(`metrics answered ${answer.status}`);
  return readMetrics(answer.body.toString('utf8'));
}
