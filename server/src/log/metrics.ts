/** Series of one metric; what comes after is counted under the label value `other`, so that memory is bounded. */
export const SERIES_MAX = 200;
/** Seconds, from a fast answer to a slow video. */
export const SECONDS_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
];

export type Labels<Name extends string> = Readonly<Record<Name, string>>;

export interface Counter<Name extends string> {
  /** Adds `by` (1 when absent; never negative). */
  add(labels: Labels<Name>, by?: number): void;
}

export interface Histogram<Name extends string> {
  observe(labels: Labels<Name>, value: number): void;
}

/** What a gauge's callback gives: one number, or one for each set of labels. */
export type GaugeReading<Name extends string> = number | { labels: Labels<Name>; value: number }[];

/** The numbers of this process, in the text form that Prometheus reads. */
export interface Metrics {
  counter<Name extends string>(name: string, help: string, labelNames: readonly Name[]): Counter<Name>;
  /** `read` is called at each `render`; when it fails the gauge has no value this time. */
  gauge<Name extends string>(
    name: string,
    help: string,
    labelNames: readonly Name[],
    read: () => GaugeReading<Name> | Promise<GaugeReading<Name>>,
  ): void;
  /** `buckets` are rising upper bounds; the last one, infinity, is added. */
  histogram<Name extends string>(
    name: string,
    help: string,
    labelNames: readonly Name[],
    buckets?: readonly number[],
  ): Histogram<Name>;
  render(): Promise<string>;
}

/** An empty registry. Names are checked and may be used once; a mistake is thrown at the start, not at a request. */
export function createMetrics(): Metrics {
  const families = new Map<string, () => Promise<string[]>>();
  const register = (family: Family, samples: () => string[] | Promise<string[]>): void => {
    checkNames(family);
    if (families.has(family.name)) throw new Error(`The metric ${family.name} exists already.`);
    families.set(family.name, async () => [
      `# HELP ${family.name} ${family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${family.name} ${family.type}`,
      ...(await samples()),
    ]);
  };
  return {
    counter: (name, help, labelNames) => {
      const series = new SeriesTable(labelNames, () => ({ value: 0 }));
      register({ name, help, type: 'counter', labelNames }, () =>
        series.map((text, one) => `${name}${braces(text)} ${one.value}`),
      );
      return {
        add: (labels, by = 1) => {
          if (!(by >= 0)) throw new RangeError('A counter only rises.');
          series.of(labels).value += by;
        },
      };
    },
    gauge: (name, help, labelNames, read) => {
      register({ name, help, type: 'gauge', labelNames }, async () => {
        try {
          return gaugeLines({ name, labelNames, reading: await read() });
        } catch {
          // One gauge that cannot be read must not hide all the others.
          return [`# ${name} could not be read`];
        }
      });
    },
    histogram: (name, help, labelNames, buckets = SECONDS_BUCKETS) => {
      if (buckets.some((bound, index) => !(bound > (buckets[index - 1] ?? -Infinity)))) {
        throw new RangeError('Buckets must rise.');
      }
      const series = new SeriesTable(labelNames, () => ({ counts: buckets.map(() => 0), count: 0, sum: 0 }));
      register({ name, help, type: 'histogram', labelNames }, () =>
        series.map((text, one) => histogramLines({ name, text, buckets, ...one })).flat(),
      );
      return { observe: (labels, value) => observe(series.of(labels), buckets, value) };
    },
    render: async () => {
      const parts = await Promise.all([...families.values()].map((render) => render()));
      return `${parts.flat().join('\n')}\n`;
    },
  };
}

interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  labelNames: readonly string[];
}

class SeriesTable<Name extends string, Value> {
  readonly #labelNames: readonly Name[];
  readonly #make: () => Value;
  readonly #byText = new Map<string, Value>();

  constructor(labelNames: readonly Name[], make: () => Value) {
    this.#labelNames = labelNames;
    this.#make = make;
    // Without labels there is one series, and it is there from the start, as 0 and "never seen" differ.
    if (labelNames.length === 0) this.#byText.set('', make());
  }

  of(labels: Labels<Name>): Value {
    const text = labelText(this.#labelNames, labels);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const other = this.#labelNames.map((name) => `${name}="other"`).join(',');
    const key = this.#byText.size < SERIES_MAX - 1 ? text : other;
    const value = this.#byText.get(key) ?? this.#make();
    this.#byText.set(key, value);
    return value;
  }

  map<T>(render: (text: string, value: Value) => T): T[] {
    return [...this.#byText].map(([text, value]) => render(text, value));
  }
}

interface HistogramValue {
  /** Per bucket, not yet added up. */
  counts: number[];
  count: number;
  sum: number;
}

function observe(into: HistogramValue, buckets: readonly number[], value: number): void {
  // A value that is no number would make the sum useless for ever.
  if (!Number.isFinite(value)) return;
  const index = buckets.findIndex((bound) => value <= bound);
  if (index >= 0) into.counts[index] = (into.counts[index] ?? 0) + 1;
  into.count += 1;
  into.sum += value;
}

function histogramLines(
  options: { name: string; text: string; buckets: readonly number[] } & HistogramValue,
): string[] {
  const { name, text, buckets, counts, count, sum } = options;
  const separator = text === '' ? '' : ',';
  let below = 0;
  const lines = buckets.map((bound, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket{${text}${separator}le="${bound}"} ${below}`;
  });
  return [
    ...lines,
    `${name}_bucket{${text}${separator}le="+Inf"} ${count}`,
    `${name}_sum${braces(text)} ${sum}`,
    `${name}_count${braces(text)} ${count}`,
  ];
}

function gaugeLines<Name extends string>(options: {
  name: string;
  labelNames: readonly Name[];
  reading: GaugeReading<Name>;
}): string[] {
  const { name, labelNames, reading } = options;
  if (typeof reading === 'number') return [`${name} ${numberText(reading)}`];
  return reading
    .slice(0, SERIES_MAX)
    .map(({ labels, value }) => `${name}${braces(labelText(labelNames, labels))} ${numberText(value)}`);
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function labelText<Name extends string>(labelNames: readonly Name[], labels: Labels<Name>): string {
  let text = '';
  // A loop and no map with join: each request is counted twice.
  for (const name of labelNames) text += `${text === '' ? '' : ','}${name}="${escapeLabel(labels[name])}"`;
  return text;
}

function escapeLabel(value: string): string {
  // Nearly every value of ours can stand as it is, and this runs for each label of each request.
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function braces(text: string): string {
  return text === '' ? '' : `{${text}}`;
}

function checkNames({ name, labelNames }: Family): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) throw new Error(`${name} is not a metric name.`);
  for (const label of labelNames) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) || label.startsWith('__') || label === 'le') {
      throw new Error(`${label} is not a label name.`);
    }
  }
}
