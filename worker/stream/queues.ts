// The queues of all accounts and regions, as dialects use them. Descriptions are cached for a few
// seconds (queueDirectory.ts), and forgotten after each change.
import type { Env, Runtime } from "../core/bindings.ts";
import type { TagChange, Tags } from "../core/control.ts";
import type {
  QueueChange,
  QueueDescription,
  QueueFilter,
  QueuePage,
  QueuePlace,
  QueueSpec,
  SettleOutcome,
  ShardQueueStats,
} from "../core/queueTypes.ts";
import { shardQueueName } from "../core/queueTypes.ts";
import { isCode } from "../errors.ts";
import { type CatalogApi, type Reply, unwrap } from "../core/rpc.ts";
import type { Scope } from "../core/types.ts";
import { writtenCatalogOf } from "./directory.ts";
import { findQueue, forgetQueue, refreshQueue } from "./queueDirectory.ts";
import { type Receive, receiveRecords } from "./queueReceive.ts";
import type { QueueRecord } from "./queueRecords.ts";
import { settleRecords, type SettleRequest } from "./queueSettle.ts";

export class Queues {
  private readonly runtime: Runtime;
  private readonly env: Env;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.env = runtime.env;
  }

  /** The queue as it was at most `descriptionTtlMs` ago. Throws `queueNotFound`. */
  find(scope: Scope, id: string): Promise<QueueDescription> {
    return findQueue(this.env, scope, id);
  }

  /** The queue as it is now. Throws `queueNotFound`. */
  refresh(scope: Scope, id: string): Promise<QueueDescription> {
    return refreshQueue(this.env, scope, id);
  }

  /** Queues in the order of creation, after a place; with a filter, those of some streams. */
  list(
    scope: Scope,
    after: QueuePlace | undefined,
    limit: number,
    filter?: readonly QueueFilter[],
  ): Promise<QueuePage> {
    return writtenCatalogOf(this.env, scope).listQueues(after, limit, filter);
  }

  /** How many queues a stream has. */
  count(scope: Scope, stream: string): Promise<number> {
    return writtenCatalogOf(this.env, scope).countQueues(stream);
  }

  /** Throws `streamNotFound`, `streamNotActive`, `wrongMode`, `queueExists`, `tooManyQueues`. */
  async create(scope: Scope, spec: QueueSpec): Promise<QueueDescription> {
    return unwrap(await writtenCatalogOf(this.env, scope).createQueue(spec)).queue;
  }

  /** Returns the queue with its new attributes. Throws `queueNotFound`, `queueNotActive`. */
  async update(scope: Scope, id: string, change: QueueChange): Promise<QueueDescription> {
    return (await this.alter(scope, id, (catalog) => catalog.updateQueue(id, change))).queue;
  }

  /** Throws `queueNotFound`. */
  async delete(scope: Scope, id: string): Promise<void> {
    await this.alter(scope, id, (catalog) => catalog.deleteQueue(id));
  }

  /** Throws `queueNotFound`. */
  async readTags(scope: Scope, queue: string): Promise<Tags> {
    return unwrap(await writtenCatalogOf(this.env, scope).readTags({ queue })).tags;
  }

  /** Throws `queueNotFound`, `tooManyTags`. */
  async changeTags(scope: Scope, queue: string, change: TagChange): Promise<void> {
    await this.alter(scope, queue, (catalog) => catalog.changeTags({ queue }, change));
  }

  /** Null removes the policy. Throws `queueNotFound`, `queueNotActive`, `policyNotFound`. */
  async changePolicy(scope: Scope, queue: string, policy: string | null): Promise<void> {
    await this.alter(scope, queue, (catalog) => catalog.changePolicy({ queue }, policy));
  }

  /** As receiveRecords of queueReceive.ts. */
  receive(queue: QueueDescription, request: Receive): Promise<QueueRecord[]> {
    return receiveRecords(this.runtime, queue, request);
  }

  /** As settleRecords of queueSettle.ts. */
  settle(
    queue: QueueDescription,
    requests: readonly SettleRequest[],
  ): Promise<(SettleOutcome | Error)[]> {
    return settleRecords(this.env, queue, requests);
  }

  /** The state of the queue over a shard; undefined if it is not there yet, or no more. */
  async statsOver(shardUid: string, queue: QueueDescription): Promise<ShardQueueStats | undefined> {
    try {
      const object = this.env.QUEUE.getByName(shardQueueName(shardUid, queue.id));
      return unwrap(await object.stats());
    } catch (error) {
      if (isCode(error, "queueNotFound")) return undefined;
      throw error;
    }
  }

  /** Makes a call that changes the queue, and forgets what is cached of it. */
  private async alter<T extends object>(
    scope: Scope,
    id: string,
    call: (catalog: CatalogApi) => Promise<Reply<T>>,
  ): Promise<T> {
    try {
      return unwrap(await call(writtenCatalogOf(this.env, scope))) as T;
    } finally {
      forgetQueue(scope, id);
    }
  }
}
