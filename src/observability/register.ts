/** From the house's own counts to prom-client's metrics; nothing is handed over before somebody asks. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DEFINITIONS, type MetricName } from './definitions.ts';
import type { LabelValues, Spread } from './tally.ts';

/** A number with the values of its labels. */
export interface Sample {
  readonly labels: LabelValues;
  readonly value: number;
}

/** Names of one type. */
type NameOf<Type extends string> = {
  [Name in MetricName]: (typeof DEFINITIONS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

type Read<Value> = () => Iterable<Value>;

/** Registers a counter or gauge that is read at each scrape. */
export function registerNumbers(registry: Registry, name: NameOf<'counter' | 'gauge'>, read: Read<Sample>): void {
  const { type, labels, help } = DEFINITIONS[name];
  const configuration = { name, help, labelNames: [...labels] as string[], registers: [registry] };
  if (type === 'counter') {
    new Counter({
      ...configuration,
      collect() {
        this.reset();
        for (const sample of read()) this.inc(named(labels, sample.labels), sample.value);
      },
    });
  } else {
    new Gauge({
      ...configuration,
      collect() {
        // `reset` of a gauge without labels leaves a 0 where nothing is known
        this.reset();
        if (labels.length === 0) this.remove();
        for (const sample of read()) this.set(named(labels, sample.labels), sample.value);
      },
    });
  }
}

/** A spread with the values of its labels. */
export interface SpreadSample {
  readonly labels: LabelValues;
  readonly spread: Spread;
}

/** Registers a histogram that is read at each scrape. */
export function registerSpreads(registry: Registry, name: NameOf<'histogram'>, read: Read<SpreadSample>): void {
  registry.registerMetric(new ReadHistogram(name, read));
}

/** prom-client's histogram takes one value at a time; this one tells of values that were counted elsewhere. */
class ReadHistogram extends Histogram {
  readonly #name: NameOf<'histogram'>;
  readonly #read: Read<SpreadSample>;

  constructor(name: NameOf<'histogram'>, read: Read<SpreadSample>) {
    const { help, labels, bounds } = DEFINITIONS[name];
    super({ name, help, labelNames: [...labels], buckets: [...bounds], registers: [] });
    this.#name = name;
    this.#read = read;
  }

  /** What the library asks for, for the text form and for every other one. */
  async getForPromString() {
    const { help, type } = DEFINITIONS[this.#name];
    const values = [...this.#read()].flatMap((sample) => exposed(this.#name, sample));
    return { name: this.#name, help, type, aggregator: 'sum', values };
  }
}

function exposed(name: NameOf<'histogram'>, { labels, spread }: SpreadSample) {
  const { labels: names, bounds } = DEFINITIONS[name];
  const shared = named(names, labels);
  let count = 0;
  const buckets = [...bounds, '+Inf'].map((bound, index) => {
    count += spread.inBucket[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le: bound }, sharedLabels: shared, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, sharedLabels: shared, value: spread.sum },
    { metricName: `${name}_count`, labels: {}, sharedLabels: shared, value: count },
  ];
}

const named = (names: readonly string[], values: LabelValues): Record<string, string> =>
  Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
