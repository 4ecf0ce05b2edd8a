// Shards for tests inside workerd, spoken to as a Worker speaks to them: through their interface,
// with chunks that the reference writes and reads. `sabotage` reaches into an object's storage for
// what no caller can bring about: a disk that fails, a commit that takes its time.

import { env, exports } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { Env } from "../../worker/core/bindings.ts";
import { unwrap } from "../../worker/core/rpc.ts";
import { shardUid } from "../../worker/engine/shardUid.ts";
import type { PageLimits } from "../../worker/stream/readPlan.ts";
import { readPage as gather } from "../../worker/stream/reader.ts";
import type { AppendReceipt, Location, ReadRequest, SeekRequest } from "../../worker/core/types.ts";
import { packRecords } from "../reference/pack.ts";
import { parseGiven } from "../reference/parse.ts";
import { arrivalOrdinals, type ModelRecord } from "../reference/record.ts";

export type ShardStub = ReturnType<typeof env.SHARD.getByName>;

/** A record as a producer gives it. */
export type Offered = Omit<ModelRecord, "timeMs">;

/** A record as a reader finds it. */
export interface Stored extends ModelRecord {
  index: number;
  ordinal: number;
}

const PAGE = { recordsMax: 10_000, bytesMax: 10_485_760 };
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** A shard that nobody has opened. */
export function unopenedShard(): ShardStub {
  return env.SHARD.getByName(shardUid(crypto.randomUUID(), 0));
}

/** A new shard, open and empty. */
export async function openShard(retentionHours = 24): Promise<ShardStub> {
  const shard = unopenedShard();
  await shard.open({
    uid: shard.name ?? "",
    index: 0,
    createdMs: 0,
    retentionHours,
    hashStart: "0".repeat(32),
    hashEnd: "f".repeat(32),
  });
  return shard;
}

export function record(data: string | Uint8Array, key = "key"): Offered {
  return {
    key: encoder.encode(key),
    info: NOTHING,
    data: typeof data === "string" ? encoder.encode(data) : data,
  };
}

/** One chunk of the records, or of one record for each text. */
export function chunkOf(...records: (string | Offered)[]): Uint8Array {
  return packRecords(records.map((item) => (typeof item === "string" ? record(item) : item)));
}

/** Appends one chunk; throws the StreamError that the shard replies. */
export async function append(
  shard: ShardStub,
  ...records: (string | Offered)[]
): Promise<AppendReceipt> {
  const { receipts } = unwrap(await shard.append([chunkOf(...records)]));
  return receipts[0] as AppendReceipt;
}

/** A page as the shard itself reads it: of its newest generation. */
export async function readPage(shard: ShardStub, request: Partial<ReadRequest> = {}) {
  const reply = unwrap(await shard.read({ index: 0, ...PAGE, ...request }));
  return {
    records: reply.chunks.flatMap((chunk) => storedIn(shard, chunk)),
    next: reply.next,
    view: reply.view,
  };
}

/** A page as the Worker's reader gathers it, from the shard or from its segments. */
export async function gatherPage(
  shard: ShardStub,
  location: Location,
  limits: Partial<PageLimits> = {},
) {
  const runtime = { env, segments: exports.Segments, waitUntil: () => {} };
  const uid = shard.name ?? "";
  const page = await gather(runtime, uid, location, { ...PAGE, ...limits }, "skip");
  const records = page.runs.flatMap(({ chunk, from, to }) =>
    storedIn(shard, chunk).slice(from, to),
  );
  return { records, next: page.next, view: page.view };
}

/** Every record that the shard holds, page by page. */
export async function readAll(shard: ShardStub, limits: Partial<PageLimits> = {}) {
  const stored: Stored[] = [];
  for (let location: Location = { segment: 0, index: 0 }; ;) {
    const { records, next, view } = await gatherPage(shard, location, limits);
    stored.push(...records);
    if (next.index >= view.nextIndex) return stored;
    if (next.index <= location.index) throw new Error(`the page at ${next.index} leads nowhere`);
    location = next;
  }
}

export async function seek(shard: ShardStub, request: SeekRequest): Promise<number> {
  return unwrap(await shard.seek(request)).location.index;
}

export function textOf({ data }: Pick<ModelRecord, "data">): string {
  return new TextDecoder().decode(data);
}

/** Runs `change` on the storage of a shard or a catalog. */
export function sabotage<T>(
  stub: DurableObjectStub<Rpc.DurableObjectBranded>,
  change: (storage: DurableObjectStorage, state: DurableObjectState) => T,
): Promise<T> {
  return runInDurableObject(stub, (_, state) => change(state.storage, state));
}

/** Counts from now on what the shard writes; the same object goes on counting. */
export async function countWrites(shard: ShardStub): Promise<{ rows: number; commits: number }> {
  const writes = { rows: 0, commits: 0 };
  await sabotage(shard, (storage) => {
    const { sql } = storage;
    const exec = sql.exec.bind(sql);
    const sync = storage.sync.bind(storage);
    sql.exec = (query, ...bindings) => {
      const cursor = exec(query, ...bindings);
      writes.rows += cursor.rowsWritten;
      return cursor as never;
    };
    storage.sync = () => {
      writes.commits += 1;
      return sync();
    };
  });
  return writes;
}

/** Commits wait from now on; the returned function lets them end, well or with an error. */
export async function holdCommits(shard: ShardStub): Promise<(failure?: Error) => Promise<void>> {
  const gate = Promise.withResolvers<void>();
  const sync = await sabotage(shard, (storage) => {
    const sync = storage.sync.bind(storage);
    // Nobody waits for it if nothing is committed meanwhile.
    gate.promise.catch(() => undefined);
    storage.sync = () => gate.promise;
    return { restore: () => (storage.sync = sync) };
  });
  return (failure) =>
    sabotage(shard, () => {
      sync.restore();
      if (failure === undefined) gate.resolve();
      else gate.reject(failure);
    });
}

function storedIn(shard: ShardStub, bytes: Uint8Array): Stored[] {
  const chunk = parseGiven(bytes, shard.name ?? "");
  const ordinals = arrivalOrdinals(chunk);
  return chunk.records.map((record, i) =>
    Object.assign(record, { index: chunk.firstIndex + i, ordinal: ordinals[i] as number }),
  );
}

/** The same bindings; each call of a shard also puts its method's name into `calls`. */
export function withCallsNoted(bindings: Env, calls: string[]): Env {
  const getByName = (name: string) => noteCalls(bindings.SHARD.getByName(name), calls);
  return { ...bindings, SHARD: { getByName } as unknown as Env["SHARD"] };
}

function noteCalls(shard: ShardStub, calls: string[]): ShardStub {
  return new Proxy(shard, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        calls.push(String(name));
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
}
