// The streams of all accounts and regions, as dialects use them. Descriptions are cached for a few
// seconds (directory.ts). After each change the cached description is forgotten, also when the
// change has failed, because the reply to a successful one may be lost.
import { createHash } from "node:crypto";
import { findRoute } from "../core/hashRange.ts";
import type { Env, WriteRuntime } from "../core/bindings.ts";
import type { ConsumerKey, ReshardOrder, StreamChange, TagChange, Tags } from "../core/control.ts";
import {
  type CatalogApi,
  type Reply,
  type StreamKey,
  type StreamDirectory,
  type StreamHead,
  type StreamPage,
  type StreamSpec,
  unwrap,
} from "../core/rpc.ts";
import type {
  ConsumerDescription,
  Scope,
  ShardDescription,
  StreamDescription,
} from "../core/types.ts";
import type { PutManifest } from "../engine/putManifest.ts";
import type { RecordBatch } from "../engine/recordBatch.ts";
import {
  findStream,
  findStreamSince,
  forgetStream,
  type KnownStream,
  refreshStream,
  settledStream,
  withStream,
  writtenCatalogOf,
} from "./directory.ts";
import { findChildren, waitForChildren } from "./childShards.ts";
import { putSome } from "./failingPut.ts";
import { putKept } from "./keptPut.ts";
import { type PlacedRun, type PlacedRuns, putBatch, putRecords, type PutResult } from "./writer.ts";

export class Streams {
  private readonly runtime: WriteRuntime;
  private readonly env: Env;
  private failRate = 0;

  constructor(runtime: WriteRuntime) {
    this.runtime = runtime;
    this.env = runtime.env;
  }

  /**
   * The stream as the catalog described it at most `descriptionTtlMs` ago. Throws `streamNotFound`.
   */
  find(scope: Scope, name: string): Promise<KnownStream> {
    return findStream(this.env, scope, name);
  }

  /** The stream as it was at `sinceMs` or later. Throws `streamNotFound`. */
  findSince(scope: Scope, name: string, sinceMs: number): Promise<KnownStream> {
    return findStreamSince(this.env, scope, name, sinceMs);
  }

  /** The stream as the catalog describes it now. Throws `streamNotFound`. */
  refresh(scope: Scope, name: string): Promise<KnownStream> {
    return refreshStream(this.env, scope, name);
  }

  /**
   * Runs `work` on the stream; once more, on a fresh description, if a shard of a stale one does not
   * exist. Throws `streamNotFound`, and what `work` throws.
   */
  use<T>(scope: Scope, name: string, work: (stream: KnownStream) => Promise<T>): Promise<T> {
    return withStream(this.env, scope, name, work);
  }

  /**
   * Streams in the order of names, after a name: those whose names begin with a path, or without
   * `path` those whose names are not paths. A page that is not the last may have fewer streams than
   * the limit, but at least one.
   */
  async list(scope: Scope, after: string, limit: number, path?: string): Promise<StreamPage> {
    return unwrap(await writtenCatalogOf(this.env, scope).listStreams(after, limit, path));
  }

  /** The entries of a directory of streams. A page may be empty and not the last. */
  async listDirectory(
    scope: Scope,
    path: string | undefined,
    after: string,
    limit: number,
  ): Promise<StreamDirectory> {
    return unwrap(await writtenCatalogOf(this.env, scope).listDirectory(path, after, limit));
  }

  /** Throws `streamExists`, `tooManyShards`, `tooManyStreams`. */
  create(scope: Scope, spec: StreamSpec): Promise<StreamDescription> {
    return this.alter(scope, spec.name, (catalog) => catalog.createStream(scope, spec));
  }

  /** Throws `streamNotFound`, and `consumersRegistered` unless `withConsumers`. */
  async delete(scope: Scope, name: string, withConsumers: boolean): Promise<void> {
    await this.alter(scope, name, (catalog) => catalog.deleteStream(name, withConsumers));
  }

  /** What the stream was, and what it is now. Throws `streamNotFound`, and what refuses the change. */
  change(
    scope: Scope,
    name: string,
    change: StreamChange,
  ): Promise<{ before: StreamHead; after: StreamHead }> {
    return this.alter(scope, name, (catalog) => catalog.changeStream(name, change));
  }

  /** Begins to split or merge shards; does not wait until that is done. */
  async reshard(scope: Scope, name: string, order: ReshardOrder): Promise<void> {
    await this.alter(scope, name, (catalog) => catalog.reshardStream(name, order));
  }

  /** Adds shards until the stream has `shardCount`; resolves when they take records. */
  async grow(scope: Scope, name: string, shardCount: number): Promise<void> {
    await this.reshard(scope, name, { kind: "recut", to: shardCount });
    await settledStream(this.env, scope, name);
  }

  /**
   * `max` is how many consumers the stream may have; the default is the limit of Kinesis. Throws
   * `streamNotFound`, `consumerExists`, `tooManyConsumers`.
   */
  registerConsumer(
    scope: Scope,
    name: string,
    consumer: string,
    tags?: Tags,
    max?: number,
  ): Promise<ConsumerDescription> {
    return this.alter(scope, name, (catalog) =>
      catalog.registerConsumer(name, consumer, tags, max),
    );
  }

  /** Throws `streamNotFound`, `consumerNotFound`. */
  async deregisterConsumer(scope: Scope, name: string, consumer: ConsumerKey): Promise<void> {
    await this.alter(scope, name, (catalog) => catalog.deregisterConsumer(name, consumer));
  }

  /** Throws `streamNotFound`, `consumerNotFound`. */
  async readTags(scope: Scope, resource: StreamKey): Promise<Tags> {
    return unwrap(await writtenCatalogOf(this.env, scope).readTags(resource)).tags;
  }

  /** Throws `streamNotFound`, `consumerNotFound`, `tooManyTags`. */
  async changeTags(scope: Scope, resource: StreamKey, change: TagChange): Promise<void> {
    await this.alter(scope, resource.stream, (catalog) => catalog.changeTags(resource, change));
  }

  /**
   * Attaches a policy to a stream or a consumer; null removes it. Throws `streamNotFound`,
   * `consumerNotFound`, `policyNotFound`.
   */
  async changePolicy(scope: Scope, resource: StreamKey, policy: string | null): Promise<void> {
    await this.alter(scope, resource.stream, (catalog) => catalog.changePolicy(resource, policy));
  }

  /** Returns results in the order of the records. Throws only if the stream does not exist. */
  put(stream: KnownStream, records: RecordBatch): Promise<PutResult[]> {
    if (this.failRate > 0) return putSome(this.runtime, stream, records, this.failRate);
    return putRecords(this.runtime, stream, records);
  }

  /** As `put`. The result is one run if all records have gone to one place, or a run for each shard. */
  putBatch(
    stream: KnownStream,
    records: RecordBatch,
  ): Promise<PlacedRun | PlacedRuns | PutResult[]> {
    return this.failRate > 0 ? this.put(stream, records) : putBatch(this.runtime, stream, records);
  }

  /** As `putBatch`, for records that the front keeps; undefined, and nothing is stored, if they are needed here. */
  async putKept(
    stream: KnownStream,
    manifest: PutManifest,
  ): Promise<PlacedRun | PutResult[] | undefined> {
    return this.failRate > 0 ? undefined : putKept(this.runtime, stream, manifest);
  }

  /** From now on this part of the records that are put is refused: see core/controls.ts. */
  failRecords(rate: number): void {
    this.failRate = rate;
  }

  /** As `refresh`, once no shard of the stream is being split or merged. Throws `streamNotFound`. */
  settled(scope: Scope, name: string): Promise<KnownStream> {
    return settledStream(this.env, scope, name);
  }

  /** The open shard that has a key; for an empty key all open ones, and the one whose turn it is first. */
  async candidates(stream: KnownStream, key: Uint8Array): Promise<readonly ShardDescription[]> {
    const { description, routes } = stream;
    if (key.length > 0) {
      const route = findRoute(routes, createHash("md5").update(key).digest(), 0);
      return routes.shards.slice(route, route + 1);
    }
    const open = description.shards.filter(({ closedMs }) => closedMs === undefined);
    const turn = (await this.takeTurns(stream, 1)) % open.length;
    return [...open.slice(turn), ...open.slice(0, turn)];
  }

  /** Advances the stream's round robin by `count`; returns the first position. */
  takeTurns({ description }: KnownStream, count: number): Promise<number> {
    return writtenCatalogOf(this.env, description).takeTurns(description.name, count);
  }

  /** The shards that continue a closed one; none while the catalog does not show them. */
  findChildren(scope: Scope, name: string, shardIndex: number): Promise<ShardDescription[]> {
    return findChildren(this.env, scope, name, shardIndex);
  }

  /** The same, when the catalog shows them. Throws `shardNotFound` if there are none. */
  waitForChildren(scope: Scope, name: string, shardIndex: number): Promise<ShardDescription[]> {
    return waitForChildren(this.env, scope, name, shardIndex);
  }

  /** Makes a call that changes the stream, and forgets what is cached of it. */
  private async alter<T extends object>(
    scope: Scope,
    name: string,
    call: (catalog: CatalogApi) => Promise<Reply<T>>,
  ): Promise<T> {
    try {
      return unwrap(await call(writtenCatalogOf(this.env, scope))) as T;
    } finally {
      forgetStream(scope, name);
    }
  }
}
