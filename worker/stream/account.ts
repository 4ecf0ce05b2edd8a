// What an account has in a region as a whole: the key of its cursors, and whether it is committed to
// a minimum of throughput. Nothing is billed here; the commitment is kept because other settings ask
// for it and clients read it back. It lasts a day at least: ended before, it ends then.
import { Buffer } from "node:buffer";
import { isDue } from "../clock.ts";

/** AWS API reference, MinimumThroughputBillingCommitmentInput. */
const commitmentMsMin = 24 * 3_600_000;

const keyBytes = 32;

export interface Commitment {
  startedMs: number;
  earliestEndMs: number;
  /** Set once somebody has ended it; may lie ahead. */
  endsMs?: number;
}

export type CommitmentState = "none" | "committed" | "ending";

export function commitmentState(
  commitment: Commitment | undefined,
  nowMs: number,
): CommitmentState {
  if (commitment === undefined) return "none";
  if (commitment.endsMs === undefined) return "committed";
  return isDue(commitment.endsMs, commitmentMsMin, nowMs) ? "none" : "ending";
}

/** The commitment after somebody asked for it, or for its end. */
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

export class AccountTable {
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, commitment TEXT NOT NULL)",
    );
    sql.exec("CREATE TABLE IF NOT EXISTS secret (id INTEGER PRIMARY KEY, key TEXT NOT NULL)");
  }

  commitment(): Commitment | undefined {
    const [row] = this.sql.exec<{ commitment: string }>("SELECT commitment FROM account").toArray();
    return row && (JSON.parse(row.commitment) as Commitment);
  }

  save(commitment: Commitment): void {
    this.sql.exec("INSERT OR REPLACE INTO account VALUES (1, ?)", JSON.stringify(commitment));
  }

  /** The key that authenticates the account's cursors; made once. */
  cursorKey(): string {
    const [row] = this.sql.exec<{ key: string }>("SELECT key FROM secret").toArray();
    if (row !== undefined) return row.key;
    const key = Buffer.from(crypto.getRandomValues(new Uint8Array(keyBytes))).toString("base64");
    this.sql.exec("INSERT INTO secret VALUES (1, ?)", key);
    return key;
  }
}
