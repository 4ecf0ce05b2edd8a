// Queues, as plain data: what crosses between Workers, the catalog and the queues over single shards.
// A queue hands the records of its stream to any number of workers, each record to one at a time.
import type { Delivered, Receipt } from "../delivery/delivery.ts";
import type { Tags } from "./control.ts";
import type { Reply } from "./rpc.ts";
import type { Scope } from "./types.ts";

export type QueueStatus = "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";

/** The first records that a queue delivers. */
export type QueuePosition =
  | { type: "LATEST" }
  | { type: "TRIM_HORIZON" }
  | { type: "AT_TIMESTAMP"; timeMs: number };

/** What can be changed of a queue. */
export interface QueueAttributes {
  /** How long a received record is hidden, unless its receive says it. */
  visibilitySeconds: number;
  /** Receives after which a record is a dead letter; undefined: never. */
  receivesMax?: number;
}

export interface QueueDescription extends Scope, QueueAttributes {
  /** Unique per creation, and the last part of the ARN. */
  id: string;
  /** Unique in the scope. */
  name: string;
  /** Name of the stream, and of that creation of it. */
  stream: string;
  streamUid: string;
  streamCreatedMs: number;
  status: QueueStatus;
  /** When the status ends by itself: set once the work behind it is done. */
  settlesMs?: number;
  /** How long the status lasts in all, once it ends by itself. */
  settlingMs?: number;
  createdMs: number;
  positionType: QueuePosition["type"];
  /** The time that was asked for, of AT_TIMESTAMP. */
  positionMs?: number;
  /** The time from which it delivers. */
  effectiveMs: number;
  /** The resource policy, as JSON text. */
  policy?: string;
}

export interface QueueSpec extends QueueAttributes {
  name: string;
  stream: string;
  position: QueuePosition;
  tags?: Tags;
}

/** A member that is left out stays; null: records are never dead letters. */
export interface QueueChange {
  visibilitySeconds?: number | undefined;
  receivesMax?: number | null | undefined;
}

/** In the order of creation. */
export interface QueuePage {
  queues: QueueDescription[];
  more: boolean;
}

/** A stream whose queues are listed; `createdSeconds`: only the stream that was created then. */
export interface QueueFilter {
  stream: string;
  createdSeconds?: number;
}

/** Where a listing goes on: after the queue with this time of creation and id. */
export interface QueuePlace {
  createdMs: number;
  id: string;
}

/** A queue over one shard, as its object stores it. */
export interface ShardQueueSettings {
  /** The shard's uid and the queue's id: see `shardQueueName`. */
  name: string;
  shard: string;
  /** Names of the queues over the shards that this one continues, whose records come first. */
  parents: string[];
  visibilitySeconds: number;
  receivesMax?: number;
  inFlightMax: number;
  /** Index of the first record that it delivers. */
  start: number;
}

export interface ShardQueueOrder extends Omit<ShardQueueSettings, "start"> {
  position: QueuePosition;
}

export interface ReceiveRequest {
  isDead: boolean;
  limit: number;
  /** The queue's own when left out. */
  visibilityMs?: number | undefined;
}

export interface ReceiveReply {
  delivered: Delivered[];
  /** True if more can be received now. */
  hasMore: boolean;
  /** True if there will never be a record to receive, and none is open. */
  isFinished: boolean;
}

export interface ReadyReply {
  isReady: boolean;
  isFinished: boolean;
}

export type SettleOrder =
  | { kind: "acknowledge"; receipt: Receipt }
  | { kind: "hide"; receipt: Receipt; visibilityMs: number }
  | { kind: "restore"; receipt: Receipt };

/** As `Outcome` of delivery/delivery.ts. */
export type SettleOutcome = "done" | "stale" | "ended";

/** Records that were handed out and did not reach anybody. */
export interface ReturnOrder {
  undone: Delivered[];
  /** Ranges of records that are not there any more, or that nobody can read. */
  missing: { from: number; to: number }[];
}

/** Counters of a queue over one shard since its object was started, and what it knows. */
export interface ShardQueueStats {
  next: number;
  waiting: number;
  inFlight: number;
  dead: number;
  runs: number;
  stateBytes: number;
  rowsWritten: number;
  commits: number;
  waiters: number;
}

export interface ShardQueueApi {
  /** Creates the queue over the shard. Repeating the call changes nothing. */
  open(order: ShardQueueOrder): Promise<Reply<{ opened: true }>>;
  /** New settings, for deliveries from now on. */
  configure(attributes: QueueAttributes): Promise<Reply<{ configured: true }>>;
  /** Hands out records, without waiting for any. */
  receive(request: ReceiveRequest): Promise<Reply<ReceiveReply>>;
  /** Resolves when there may be records to receive, or when the time is over. */
  ready(request: { isDead: boolean; timeoutMs: number }): Promise<Reply<ReadyReply>>;
  /** Resolves when everything that has changed is durable. */
  settle(orders: SettleOrder[]): Promise<Reply<{ outcomes: SettleOutcome[] }>>;
  giveBack(order: ReturnOrder): Promise<Reply<{ returned: true }>>;
  /**
   * Resolves with true when every record of the closed shard, and of those it continues, has been
   * handed out; with false when the time is over.
   */
  drained(timeoutMs: number): Promise<Reply<{ isDrained: boolean }>>;
  stats(): Promise<Reply<ShardQueueStats>>;
  /** Deletes all data. Repeating the call changes nothing. */
  destroy(): Promise<void>;
}

/** The name of the object that is a queue over a shard. */
export function shardQueueName(shardUid: string, queueId: string): string {
  return `${shardUid}/${queueId}`;
}
