// Says for the readers of this isolate what the shard has published (core/publishedTips.ts): after a
// commit, and when a reader had to ask. Only what is durable is said, because nothing holds back a
// reader who does not ask until a write is synced.
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
  /** Undefined if it is not known yet, so that nothing can have been said. */
  private uid: string | undefined;
  /** Changes that are not durable yet. */
  private changes = 0;

  /** `isShown` is false where readers must ask. */
  constructor(isShown: boolean, name: string | undefined) {
    this.isShown = isShown;
    this.uid = name;
  }

  /** To be called when all of the store is durable. Says nothing if `look` throws: readers ask then. */
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

  /** Says nothing until a change is durable. */
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
