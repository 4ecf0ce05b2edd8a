// Streams of the Durable Streams protocol, as its dialect uses them: what is known of them without the
// catalog, their guarded appends, their pages, which may be inherited, and live reading.
import type {
  Ancestor,
  DurableSpec,
  DurableState,
  Position,
  WriteGuard,
  WriteReply,
} from "../core/durable.ts";
import type { Runtime } from "../core/bindings.ts";
import { type DurableCreation, unwrap } from "../core/rpc.ts";
import { isCode } from "../errors.ts";
import type { Selection } from "../scan/selection.ts";
import { narrowPage } from "./selectedPage.ts";
import type { Location, Scope } from "../core/types.ts";
import { writeJointly } from "./jointAppends.ts";
import { packRecords } from "./writer.ts";
import type { RecordBatch } from "../engine/recordBatch.ts";
import { writtenCatalogOf } from "./directory.ts";
import { readForkedPage } from "./forkedPage.ts";
import {
  type BriefStream,
  forgetKnown,
  knownStream,
  learnStream,
  noteStream,
  rememberedStream,
} from "./knownStreams.ts";
import { liveFeedOf, type LiveNews } from "./liveFeed.ts";
import { lookNextDoor } from "./nextDoor.ts";
import type { Page, Trimmed } from "./reader.ts";
import type { PageLimits } from "./readPlan.ts";

export class DurableStreams {
  private readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /** The stream; what is known of it may be old. Throws `streamNotFound`. */
  find(scope: Scope, name: string): Promise<BriefStream> {
    return knownStream(this.runtime.env, scope, name);
  }

  /** The stream if this isolate knows it; it may not exist any more. */
  remembered(scope: Scope, name: string): BriefStream | undefined {
    return rememberedStream(scope, name);
  }

  /** The stream as the catalog describes it now. Throws `streamNotFound`. */
  refresh(scope: Scope, name: string): Promise<BriefStream> {
    return learnStream(this.runtime.env, scope, name);
  }

  forget(scope: Scope, name: string): void {
    forgetKnown(scope, name);
  }

  /**
   * Creates a stream with its first records. Throws `streamExists`, `streamNotFound` for the source
   * of a fork, `locationNotFound` for a place to fork at.
   */
  async create(scope: Scope, spec: DurableSpec): Promise<DurableCreation> {
    const catalog = writtenCatalogOf(this.runtime.env, scope);
    try {
      const created = unwrap(await catalog.createDurable(scope, spec));
      forgetKnown(scope, spec.name);
      if (created.stream !== undefined) noteStream(scope, created.stream);
      return created;
    } catch (error) {
      forgetKnown(scope, spec.name);
      throw error;
    }
  }

  /** Throws `streamNotFound`. */
  async delete(scope: Scope, name: string): Promise<void> {
    try {
      unwrap(await writtenCatalogOf(this.runtime.env, scope).deleteStream(name, true));
    } finally {
      forgetKnown(scope, name);
    }
  }

  /** Removes a stream that has expired, if it is still there. */
  async removeExpired({ scope, name, uid }: BriefStream): Promise<void> {
    try {
      unwrap(await writtenCatalogOf(this.runtime.env, scope).deleteStream(name, true, uid));
    } catch (error) {
      if (!isCode(error, "streamNotFound")) throw error;
    } finally {
      forgetKnown(scope, name);
    }
  }

  /** The state of a shard's stream; `touch` renews its time to live. Throws `shardNotFound`. */
  async look(uid: string, touch: boolean): Promise<DurableState> {
    const { env } = this.runtime;
    return lookNextDoor(env, uid) ?? unwrap(await env.SHARD.getByName(uid).look(touch));
  }

  /** Where a place of a shard is. Counts as a use. Throws `shardNotFound`. */
  async positionAt(uid: string, index: number): Promise<Position> {
    const { env } = this.runtime;
    const state = lookNextDoor(env, uid, index);
    return (state ?? unwrap(await env.SHARD.getByName(uid).look(true, index))).next;
  }

  /** As `look`, without counting as a use; undefined if there is no such stream any more. */
  async lookFor(uid: string): Promise<DurableState | undefined> {
    try {
      return await this.look(uid, false);
    } catch (error) {
      if (isCode(error, "shardNotFound")) return undefined;
      throw error;
    }
  }

  /** Appends records to a shard if the guard's conditions hold. Throws `shardNotFound`, `overloaded`. */
  async write(uid: string, records: RecordBatch, guard: WriteGuard): Promise<WriteReply> {
    const chunks = packRecords(records);
    return unwrap(await writeJointly(this.runtime, uid, chunks, guard));
  }

  /** Records as `create` takes them. */
  pack(records: RecordBatch): Uint8Array[] {
    return packRecords(records);
  }

  /** A page, also of inherited records. Throws `shardNotFound`, `locationNotFound`, `corrupt`. */
  read(
    shard: { uid: string; ancestors: readonly Ancestor[] },
    location: Location,
    limits: PageLimits,
    trimmed: Trimmed,
    selection?: Selection,
  ): Promise<Page> {
    return readForkedPage(this.runtime, shard, location, limits, trimmed, selection);
  }

  /** The records of a page that a selection takes. */
  narrow(page: Page, selection: Selection): Promise<Page> {
    return narrowPage(page, selection);
  }

  /** The next records of a shard, for a reader of this request: see LiveFeed.next. */
  next(uid: string, isGone: () => boolean, index: number, timeoutMs: number): Promise<LiveNews> {
    return liveFeedOf(uid).next({ runtime: this.runtime, isGone }, index, timeoutMs);
  }

  /** Wakes the live readers of a shard: one of them has to notice that its client has left. */
  wakeReaders(uid: string): void {
    liveFeedOf(uid).wakeAll();
  }

  /** Lets work go on after the reply has begun. */
  goOn(work: Promise<void>): void {
    this.runtime.waitUntil(work);
  }
}
