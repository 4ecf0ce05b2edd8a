// Tells the readers of this isolate where the shard ends (core/publishedTips.ts): after each commit, and
// when a reader had to call. Only what is durable is told. The runtime holds back the reply to a call until
// writes are synced; nothing holds back a reader that does not call.
import { publishTip, type RecentBody, retractTip } from "../core/publishedTips.ts";
import type { ShardView } from "../core/types.ts";
import { recentBodiesMax } from "../limits.ts";
import type { ShardStore } from "./store.ts";

interface ShardEndNow {
  store: ShardStore;
  view: ShardView;
  /** Number of the segment that has, or will have, the last record. */
  lastSegment: number;
}

export class TipNotice {
  private readonly isShown: boolean;
  /** Undefined if it is not known yet; then nothing can have been told. */
  private uid: string | undefined;
  /** Changes that are not durable yet. */
  private changes = 0;

  /** `isShown` is false where readers must ask. */
  constructor(isShown: boolean, name: string | undefined) {
    this.isShown = isShown;
    this.uid = name;
  }

  /** To be called when all of the store is durable. Tells nothing if `look` throws: then readers call. */
  say(look: () => ShardEndNow): void {
    if (!this.isShown || this.changes > 0) return;
    try {
      const { store, view, lastSegment } = look();
      const { description, log } = store;
      const { uid, life } = description;
      const recent: readonly RecentBody[] = log.entries.slice(-recentBodiesMax);
      const canExpire = life?.ttlMs !== undefined || life?.expiresMs !== undefined;
      publishTip(uid, { view, lastSegment, recent, canExpire, saidMs: Date.now() });
      this.uid = uid;
    } catch {
      this.takeBack();
    }
  }

  takeBack(): void {
    if (this.uid !== undefined) retractTip(this.uid);
  }

  /** Tells nothing while a change is not durable. */
  async during<T>(change: () => Promise<T>): Promise<T> {
    this.takeBack();
    this.changes++;
    try {
      return await change();
    } finally {
      this.changes--;
    }
  }
}
