// The ranges of records that have changed since the last commit. Adjacent ranges are joined. If there
// are too many ranges, the whole state counts as changed.

/** Ranges of one commit. More of them cost more than the whole state. */
const rangesMax = 4096;

export class Changes {
  private ranges: { from: number; to: number }[] = [];
  private isAll = false;

  add(from: number, to: number): void {
    if (from >= to || this.isAll) return;
    const last = this.ranges.at(-1);
    if (last !== undefined && from <= last.to && to >= last.from) {
      last.from = Math.min(last.from, from);
      last.to = Math.max(last.to, to);
      return;
    }
    this.ranges.push({ from, to });
    if (this.ranges.length > rangesMax) this.merge();
    if (this.ranges.length > rangesMax) this.addAll();
  }

  addAll(): void {
    this.ranges = [];
    this.isAll = true;
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0 && !this.isAll;
  }

  /** The changed ranges in order, without overlaps; undefined if all has changed. Clears them. */
  take(): readonly { from: number; to: number }[] | undefined {
    this.merge();
    const taken = this.isAll ? undefined : this.ranges;
    this.ranges = [];
    this.isAll = false;
    return taken;
  }

  private merge(): void {
    const merged: { from: number; to: number }[] = [];
    for (const range of this.ranges.sort((a, b) => a.from - b.from)) {
      const last = merged.at(-1);
      if (last !== undefined && range.from <= last.to) last.to = Math.max(last.to, range.to);
      else merged.push(range);
    }
    this.ranges = merged;
  }
}
