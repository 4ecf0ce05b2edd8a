// The alarm of a shard's object. Setting it writes a row, so it is set only to ring earlier than it would.
import { alarmDelayMsMin } from "../limits.ts";
import type { MeteredSql } from "../core/meteredSql.ts";

export class AlarmClock {
  private readonly storage: DurableObjectStorage;
  private readonly sql: MeteredSql;
  /** When it rings; null when it does not, undefined until the storage has been asked. */
  private alarmMs: number | null | undefined;

  constructor(storage: DurableObjectStorage, sql: MeteredSql) {
    this.storage = storage;
    this.sql = sql;
  }

  /** To be called when it rings. */
  rings(): void {
    this.alarmMs = null;
  }

  /** Sets the alarm, unless it is set for that time or earlier already. */
  async wakeBy(timeMs: number | undefined): Promise<void> {
    if (timeMs === undefined) return;
    if (this.alarmMs === undefined) this.alarmMs = await this.storage.getAlarm();
    if (this.alarmMs !== null && this.alarmMs <= timeMs) return;
    this.alarmMs = Math.max(timeMs, Date.now() + alarmDelayMsMin);
    await this.storage.setAlarm(this.alarmMs);
    this.sql.noteRows(1);
  }
}
