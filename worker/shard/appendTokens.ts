// Knows appends again that are made twice. In a cluster, a Worker that gets no reply because the
// shard moved to another instance appends again with the same token (core/moving.ts). If the first
// append was committed, the second gets its receipts. The tokens of the last minutes are stored in
// the transaction of their commit, one row a commit; without a cluster there are none.
//
//   appends   commit_number  1, 2, …
//             time_ms        when it was committed
//             tokens         JSON: a list of { token, receipts }, a receipt for each chunk
import type { AppendToken } from "../core/rpc.ts";
import type { AppendReceipt } from "../core/types.ts";
import type { MeteredSql } from "../core/meteredSql.ts";

/** A Worker gives up before: see movingMsMax. */
const keptMs = 120_000;

export interface KnownAppend {
  token: string;
  receipts: AppendReceipt[];
}

type Row = { tokens: string };

export class AppendTokens {
  private readonly sql: MeteredSql;
  /** Appends that are not committed yet. */
  private readonly pending = new Map<string, Promise<AppendReceipt[]>>();
  private isCreated = false;
  private forgottenMs = 0;

  constructor(sql: MeteredSql) {
    this.sql = sql;
  }

  /** The receipts of an append that was made before, once it is durable; undefined if there is none. */
  find({ id, isRepeated }: AppendToken): Promise<AppendReceipt[]> | undefined {
    const pending = this.pending.get(id);
    if (pending !== undefined || !isRepeated || !this.isThere()) return pending;
    const rows = this.sql.rows<Row>("SELECT tokens FROM appends WHERE instr(tokens, ?) > 0", id);
    for (const { tokens } of rows) {
      const known = (JSON.parse(tokens) as KnownAppend[]).find(({ token }) => token === id);
      if (known !== undefined) return Promise.resolve(known.receipts);
    }
    return undefined;
  }

  /** Remembers an append until it is settled. */
  note({ id }: AppendToken, receipts: Promise<AppendReceipt[]>): void {
    this.pending.set(id, receipts);
    const forget = () => this.pending.delete(id);
    receipts.then(forget, forget);
  }

  /** Stores what a commit contains, in its transaction. */
  store(appends: readonly KnownAppend[], nowMs: number): void {
    if (appends.length === 0) return;
    this.sql.run(
      "CREATE TABLE IF NOT EXISTS appends " +
        "(commit_number INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, tokens TEXT NOT NULL)",
    );
    this.isCreated = true;
    this.sql.run(
      "INSERT INTO appends (time_ms, tokens) VALUES (?, ?)",
      nowMs,
      JSON.stringify(appends),
    );
    if (nowMs - this.forgottenMs < keptMs / 2 && nowMs >= this.forgottenMs) return;
    this.forgottenMs = nowMs;
    this.sql.run("DELETE FROM appends WHERE time_ms < ?", nowMs - keptMs);
  }

  private isThere(): boolean {
    this.isCreated ||= this.sql.hasTable("appends");
    return this.isCreated;
  }
}
