// Stands before a catalog that may never have been written to. If it was not, queries are answered
// here as an empty catalog would answer them, and only calls that write are passed on.
import type {
  AccountTotals,
  Commitment,
  ConsumerKey,
  ReshardOrder,
  StreamChange,
  TagChange,
  Tags,
} from "../core/control.ts";
import { CallRates } from "../catalog/callRates.ts";
import type {
  CatalogApi,
  Failure,
  Reply,
  ResourceKey,
  StreamDirectory,
  StreamPage,
  StreamSpec,
} from "../core/rpc.ts";
import type { DurableSpec } from "../core/durable.ts";
import type {
  QueueChange,
  QueueFilter,
  QueuePage,
  QueuePlace,
  QueueSpec,
} from "../core/queueTypes.ts";
import type { Scope } from "../core/types.ts";
import type { Writing } from "../core/writing.ts";

/** Shared by all catalogs: the local server has one isolate. */
const rates = new CallRates();

export class UnwrittenCatalog implements CatalogApi {
  private readonly name: string;
  private readonly catalog: CatalogApi;
  private readonly writing: Writing;

  /** `name` is the name of the scope. */
  constructor(name: string, catalog: CatalogApi, writing: Writing) {
    this.name = name;
    this.catalog = catalog;
    this.writing = writing;
  }

  async createStream(scope: Scope, spec: StreamSpec) {
    await this.writing.begin();
    return this.catalog.createStream(scope, spec);
  }

  async createDurable(scope: Scope, spec: DurableSpec) {
    await this.writing.begin();
    return this.catalog.createDurable(scope, spec);
  }

  describeStream(name: string) {
    return this.ofStream(name, (catalog) => catalog.describeStream(name));
  }

  listStreams(after: string, limit: number, path?: string): Promise<Reply<StreamPage>> {
    const none = { streams: [], more: false };
    return this.orElse<Reply<StreamPage>>(none, (catalog) =>
      catalog.listStreams(after, limit, path),
    );
  }

  listDirectory(
    path: string | undefined,
    after: string,
    limit: number,
  ): Promise<Reply<StreamDirectory>> {
    const none = { entries: [], next: undefined };
    return this.orElse<Reply<StreamDirectory>>(none, (catalog) =>
      catalog.listDirectory(path, after, limit),
    );
  }

  deleteStream(name: string, withConsumers?: boolean, uid?: string) {
    return this.ofStream(name, (catalog) => catalog.deleteStream(name, withConsumers, uid));
  }

  changeStream(name: string, change: StreamChange) {
    return this.ofStream(name, (catalog) => catalog.changeStream(name, change));
  }

  reshardStream(name: string, order: ReshardOrder) {
    return this.ofStream(name, (catalog) => catalog.reshardStream(name, order));
  }

  settledStream(name: string) {
    return this.ofStream(name, (catalog) => catalog.settledStream(name));
  }

  registerConsumer(name: string, consumer: string, tags?: Tags, max?: number) {
    return this.ofStream(name, (catalog) => catalog.registerConsumer(name, consumer, tags, max));
  }

  deregisterConsumer(name: string, consumer: ConsumerKey) {
    return this.ofStream(name, (catalog) => catalog.deregisterConsumer(name, consumer));
  }

  createQueue(spec: QueueSpec) {
    return this.ofStream(spec.stream, (catalog) => catalog.createQueue(spec));
  }

  describeQueue(id: string) {
    return this.ofQueue(id, (catalog) => catalog.describeQueue(id));
  }

  listQueues(after: QueuePlace | undefined, limit: number, filter?: readonly QueueFilter[]) {
    const none: QueuePage = { queues: [], more: false };
    return this.orElse(none, (catalog) => catalog.listQueues(after, limit, filter));
  }

  updateQueue(id: string, change: QueueChange) {
    return this.ofQueue(id, (catalog) => catalog.updateQueue(id, change));
  }

  deleteQueue(id: string) {
    return this.ofQueue(id, (catalog) => catalog.deleteQueue(id));
  }

  countQueues(stream: string) {
    return this.orElse(0, (catalog) => catalog.countQueues(stream));
  }

  readTags(resource: ResourceKey) {
    return this.ofResource(resource, (catalog) => catalog.readTags(resource));
  }

  changeTags(resource: ResourceKey, change: TagChange) {
    return this.ofResource(resource, (catalog) => catalog.changeTags(resource, change));
  }

  changePolicy(resource: ResourceKey, policy: string | null) {
    return this.ofResource(resource, (catalog) => catalog.changePolicy(resource, policy));
  }

  account(): Promise<Reply<{ totals: AccountTotals; commitment?: Commitment }>> {
    const none = { totals: { openShards: 0, onDemandStreams: 0 } };
    return this.orElse<Reply<{ totals: AccountTotals; commitment?: Commitment }>>(none, (catalog) =>
      catalog.account(),
    );
  }

  async commitAccount(wanted: boolean): Promise<Reply<{ commitment?: Commitment }>> {
    if (wanted) {
      await this.writing.begin();
      return this.catalog.commitAccount(wanted);
    }
    return this.orElse<Reply<{ commitment?: Commitment }>>({}, (catalog) =>
      catalog.commitAccount(wanted),
    );
  }

  async takePermit(kind: string, perSecond: number): Promise<boolean> {
    if (await this.writing.isWritten()) return this.catalog.takePermit(kind, perSecond);
    return rates.take(`${this.name}/${kind}`, perSecond, Date.now());
  }

  async cursorKey() {
    await this.writing.begin();
    return this.catalog.cursorKey();
  }

  findCursorKey(): Promise<{ key?: string }> {
    return this.orElse({}, (catalog) => catalog.findCursorKey());
  }

  async takeTurns(name: string, count: number) {
    await this.writing.begin();
    return this.catalog.takeTurns(name, count);
  }

  private ofStream<T>(
    stream: string,
    ask: (catalog: CatalogApi) => Promise<T>,
  ): Promise<T | Failure> {
    return this.orElse<T | Failure>({ failed: "streamNotFound", detail: { stream } }, ask);
  }

  private ofQueue<T>(
    queue: string,
    ask: (catalog: CatalogApi) => Promise<T>,
  ): Promise<T | Failure> {
    return this.orElse<T | Failure>({ failed: "queueNotFound", detail: { queue } }, ask);
  }

  private ofResource<T>(
    { stream, queue }: ResourceKey,
    ask: (catalog: CatalogApi) => Promise<T>,
  ): Promise<T | Failure> {
    return queue === undefined ? this.ofStream(stream, ask) : this.ofQueue(queue, ask);
  }

  private async orElse<T>(none: T, ask: (catalog: CatalogApi) => Promise<T>): Promise<T> {
    return (await this.writing.isWritten()) ? ask(this.catalog) : none;
  }
}
