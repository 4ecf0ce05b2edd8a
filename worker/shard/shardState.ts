// What a shard's object has in memory: its store, which follows from the stored rows. Whenever the
// two may differ, as after a write that failed, the memory is dropped and read from the rows again.
import { StreamError } from "../errors.ts";
import type { ShardSettings } from "../core/types.ts";
import type { MeteredSql } from "../core/meteredSql.ts";
import { ShardStore } from "./store.ts";

export class ShardState {
  /** Undefined if there is no such shard. Another object after a recovery. */
  store: ShardStore | undefined;
  private readonly ctx: Pick<DurableObjectState, "id" | "storage">;
  private readonly sql: MeteredSql;
  private readonly onLoss: () => void;
  private readonly onRecovery: (store: ShardStore) => void;
  /** False while the memory may differ from the rows. */
  private isRecovered = false;

  /**
   * `onLoss` is called when the memory is dropped, `onRecovery` with each store that is read from the rows,
   * before anybody else sees it.
   */
  constructor(
    ctx: Pick<DurableObjectState, "id" | "storage">,
    sql: MeteredSql,
    { onLoss, onRecovery }: { onLoss: () => void; onRecovery: (store: ShardStore) => void },
  ) {
    this.ctx = ctx;
    this.sql = sql;
    this.onLoss = onLoss;
    this.onRecovery = onRecovery;
  }

  /** Throws `shardNotFound`, `corrupt`. */
  opened(): ShardStore {
    this.ensureRecovered();
    if (this.store === undefined) throw new StreamError("shardNotFound");
    return this.store;
  }

  /**
   * Creates the shard, and writes with `fill` what it begins with in the same transaction. False if
   * it was there already.
   */
  create(shard: ShardSettings, fill: (store: ShardStore) => void = () => {}): boolean {
    this.ensureRecovered();
    if (this.store !== undefined) return false;
    this.ctx.storage.transactionSync(() => fill(ShardStore.create(this.sql, shard)));
    this.recover();
    return true;
  }

  /** The stored shard, also one whose removal was interrupted; that one is not open. */
  stored(): ShardStore | undefined {
    return this.store ?? ShardStore.open(this.sql, this.ctx.id.name);
  }

  /** Applies a change completely or not at all, also to the state in memory. */
  transact(change: () => void): void {
    try {
      this.ctx.storage.transactionSync(change);
    } catch (error) {
      this.recoverIfPossible();
      throw error;
    }
  }

  /** The same for a change that runs one statement and then cannot fail: it needs no savepoint. */
  transactOne(change: () => void): void {
    try {
      change();
    } catch (error) {
      this.recoverIfPossible();
      throw error;
    }
  }

  ensureRecovered(): void {
    if (!this.isRecovered) this.recover();
  }

  /** Reads all state from the rows; if they cannot be read now, the next call tries again. */
  recoverIfPossible(): void {
    try {
      this.recover();
    } catch (error) {
      console.error("recovery failed", error);
    }
  }

  private recover(): void {
    this.isRecovered = false;
    this.store = undefined;
    this.onLoss();
    const store = ShardStore.open(this.sql, this.ctx.id.name);
    this.refuseForeign(store?.description.uid);
    const isThere = store !== undefined && store.description.destroyed !== true;
    if (isThere) this.onRecovery(store);
    this.store = isThere ? store : undefined;
    this.isRecovered = true;
  }

  /** Refuses a database of another shard in this place: it must not be read or written. */
  private refuseForeign(uid: string | undefined): void {
    const { name } = this.ctx.id;
    if (uid === undefined || name === undefined || uid === name) return;
    throw new StreamError("corrupt", { shard: name, what: `the database is that of shard ${uid}` });
  }
}
