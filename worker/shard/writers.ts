// The writers of a stream: the last append of each idempotent producer, and the last Stream-Seq. An
// append is judged when it is taken in, against a state that already counts the appends before it
// that are not committed yet. After a failed commit the state is read from the rows again
// (Durable Streams protocol, sections 5.2.1 and 9; the order of the checks is that of its server).
import type {
  ProducerMark,
  ProducerRow,
  WriteGuard,
  WritersChange,
  WriteVerdict,
} from "../core/durable.ts";
import { producerIdleMsMax, producersMax } from "../limits.ts";

interface Producer {
  epoch: number;
  seq: number;
  usedMs: number;
}

export class Writers {
  /** The one that was used longest ago is the first. */
  private readonly producers = new Map<string, Producer>();
  private seq: string | undefined;

  /** Undefined if the append may be stored. */
  judge({ producer, seq }: WriteGuard, nowMs: number): WriteVerdict | undefined {
    const refusal = producer && this.judgeProducer(producer, nowMs);
    if (refusal !== undefined) return refusal;
    if (seq === undefined || this.seq === undefined) return undefined;
    // Header values have one byte for each character, so texts compare as their bytes do.
    return seq > this.seq ? undefined : { kind: "staleSeq" };
  }

  /** What an append that was judged changes; undefined if nothing. */
  static changeOf({ producer, seq }: WriteGuard, nowMs: number): WritersChange | undefined {
    if (producer === undefined && seq === undefined) return undefined;
    const { id, epoch, seq: number } = producer ?? { id: "", epoch: 0, seq: 0 };
    const producers: ProducerRow[] = producer === undefined ? [] : [[id, epoch, number, nowMs]];
    return { producers, ...(seq !== undefined && { seq }) };
  }

  copy(): Writers {
    const copy = new Writers();
    for (const [id, producer] of this.producers) copy.producers.set(id, producer);
    copy.seq = this.seq;
    return copy;
  }

  apply({ producers, seq }: WritersChange): void {
    for (const [id, epoch, last, usedMs] of producers) {
      this.producers.delete(id);
      this.producers.set(id, { epoch, seq: last, usedMs });
      if (this.producers.size > producersMax) this.forgetOldest();
    }
    if (seq !== undefined) this.seq = seq;
  }

  /** Everything that is still of use; undefined if that is nothing. */
  all(nowMs: number): WritersChange | undefined {
    const producers: ProducerRow[] = [];
    for (const [id, { epoch, seq, usedMs }] of this.producers) {
      if (!isForgotten(usedMs, nowMs)) producers.push([id, epoch, seq, usedMs]);
    }
    if (producers.length === 0 && this.seq === undefined) return undefined;
    return { producers, ...(this.seq !== undefined && { seq: this.seq }) };
  }

  private judgeProducer(mark: ProducerMark, nowMs: number): WriteVerdict | undefined {
    const known = this.producers.get(mark.id);
    if (known === undefined || isForgotten(known.usedMs, nowMs)) {
      return mark.seq === 0 ? undefined : { kind: "gap", expected: 0 };
    }
    const { epoch, seq } = known;
    if (mark.epoch < epoch) return { kind: "staleEpoch", epoch };
    if (mark.epoch > epoch) return mark.seq === 0 ? undefined : { kind: "epochNotFromStart" };
    if (mark.seq <= seq) return { kind: "duplicate", mark: { id: mark.id, epoch, seq } };
    return mark.seq === seq + 1 ? undefined : { kind: "gap", expected: seq + 1 };
  }

  private forgetOldest(): void {
    const oldest = this.producers.keys().next();
    if (oldest.done !== true) this.producers.delete(oldest.value);
  }
}

/** All changes as one, in order. */
export function joinChanges(changes: readonly WritersChange[]): WritersChange | undefined {
  if (changes.length === 0) return undefined;
  const seq = changes.findLast((change) => change.seq !== undefined)?.seq;
  return {
    producers: changes.flatMap(({ producers }) => producers),
    ...(seq !== undefined && { seq }),
  };
}

/** A clock that was set back makes nothing forgotten: an append must not be stored twice. */
function isForgotten(usedMs: number, nowMs: number): boolean {
  return nowMs - usedMs > producerIdleMsMax;
}
