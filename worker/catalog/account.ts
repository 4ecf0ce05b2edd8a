// What an account has in a region as a whole: the key of its cursors, and whether it is committed
// to a minimum of throughput. Nothing is billed here. The commitment is stored because other
// settings require it and clients read it back. It lasts at least a day; if it is ended earlier, it
// ends after the day.
import { hourMs } from "../core/units.ts";
import type { Commitment } from "../core/control.ts";
import { Buffer } from "node:buffer";
import { number, object, objectCodec, optional } from "../core/document.ts";
import type { LazySql } from "../core/lazySql.ts";
import { isDue } from "../core/clock.ts";

/** AWS API reference, MinimumThroughputBillingCommitmentInput. */
const commitmentMsMin = 24 * hourMs;

const keyBytes = 32;

export type CommitmentState = "none" | "committed" | "ending";

export function commitmentState(
  commitment: Commitment | undefined,
  nowMs: number,
): CommitmentState {
  if (commitment === undefined) return "none";
  if (commitment.endsMs === undefined) return "committed";
  return isDue(commitment.endsMs, commitmentMsMin, nowMs) ? "none" : "ending";
}

/** The commitment after a request to begin or end it. */
export function changeCommitment(
  commitment: Commitment | undefined,
  wanted: boolean,
  nowMs: number,
): Commitment | undefined {
  const state = commitmentState(commitment, nowMs);
  if (commitment === undefined || state === "none") {
    return wanted ? { startedMs: nowMs, earliestEndMs: nowMs + commitmentMsMin } : commitment;
  }
  const { startedMs, earliestEndMs } = commitment;
  if (wanted) return { startedMs, earliestEndMs };
  const endsMs = isDue(earliestEndMs, commitmentMsMin, nowMs) ? nowMs : earliestEndMs;
  return { endsMs, ...commitment };
}

export const commitmentDocument = objectCodec(
  "the account's commitment",
  object<Commitment>({ startedMs: number, earliestEndMs: number, endsMs: optional(number) }),
);

export class AccountTable {
  static readonly schema = [
    "CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, commitment TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS secret (id INTEGER PRIMARY KEY, key TEXT NOT NULL)",
  ];

  private readonly sql: LazySql;

  constructor(sql: LazySql) {
    this.sql = sql;
  }

  commitment(): Commitment | undefined {
    const [row] = this.sql.rows<{ commitment: string }>("SELECT commitment FROM account");
    return row && commitmentDocument.decode(row.commitment, {});
  }

  save(commitment: Commitment): void {
    const document = commitmentDocument.encode(commitment);
    this.sql.put("INSERT OR REPLACE INTO account VALUES (1, ?)", document);
  }

  /** The key that authenticates the account's cursors, if it exists. */
  findCursorKey(): string | undefined {
    return this.sql.rows<{ key: string }>("SELECT key FROM secret")[0]?.key;
  }

  /** The same key; created if there is none. */
  cursorKey(): string {
    const made = this.findCursorKey();
    if (made !== undefined) return made;
    const key = Buffer.from(crypto.getRandomValues(new Uint8Array(keyBytes))).toString("base64");
    this.sql.put("INSERT INTO secret VALUES (1, ?)", key);
    return key;
  }
}
