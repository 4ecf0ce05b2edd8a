// The text format of Prometheus (version 0.0.4, "Exposition formats"): for each metric its type and
// what it is, then a line for each set of labels.

export type Labels = Readonly<Record<string, string | number>>;

export type Sample = readonly [labels: Labels, value: number];

export const contentType = "text/plain; version=0.0.4; charset=utf-8";

export class Exposition {
  private text = "";

  /** Counts since the isolate was started; the name gets the ending `_total`. */
  counter(name: string, help: string, samples: Iterable<Sample>): void {
    this.write(`${name}_total`, "counter", help, samples);
  }

  /** What is now. */
  gauge(name: string, help: string, samples: Iterable<Sample>): void {
    this.write(name, "gauge", help, samples);
  }

  /** `buckets`: the requests of each bucket alone; the last one has no bound. */
  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
    series: Iterable<{ labels: Labels; buckets: readonly number[]; sum: number }>,
  ): void {
    this.head(name, "histogram", help);
    for (const { labels, buckets, sum } of series) {
      let count = 0;
      for (const [i, bound] of [...bounds, "+Inf"].entries()) {
        count += buckets[i] ?? 0;
        this.line(`${name}_bucket`, { ...labels, le: bound }, count);
      }
      this.line(`${name}_sum`, labels, sum);
      this.line(`${name}_count`, labels, count);
    }
  }

  toString(): string {
    return this.text;
  }

  private write(name: string, type: string, help: string, samples: Iterable<Sample>): void {
    this.head(name, type, help);
    for (const [labels, value] of samples) this.line(name, labels, value);
  }

  private head(name: string, type: string, help: string): void {
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  private line(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([key, label]) => `${key}="${escape(String(label))}"`);
    this.text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  }
}

function escape(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
