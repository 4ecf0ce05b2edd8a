// What a dialect calls. A dialect has none of the Worker's bindings, calls no Durable Object and
// asks no cache: it asks the parts of this class. They throw failures as StreamErrors, forget what
// is cached of a stream after a change, and try again where a cached description was stale. One is
// made for each request.
import type { Caller, Refusal } from "../auth/caller.ts";
import { accessOf } from "../auth/access.ts";
import type { AuthConfig } from "../auth/config.ts";
import type { Runtime } from "../core/bindings.ts";
import { askCluster, type ClusterAnswer } from "../core/cluster.ts";
import { type Controls, controlsOf } from "../core/controls.ts";
import { StreamError } from "../errors.ts";
import { readContainers, readSettings, type Settings } from "../core/settings.ts";
import { askSpace, type SpaceAnswer } from "../core/space.ts";
import type { Scope } from "../core/types.ts";
import { Accounts } from "./accounts.ts";
import { DurableStreams } from "./durableStreams.ts";
import { askFrontBytes, type FrontPrinter, frontPrinterOf } from "./frontPrinter.ts";
import { ItemStore } from "./itemStore.ts";
import { type NamedAction, type NamedResourceOrQueue, refusalOf } from "./permission.ts";
import { Queues } from "./queues.ts";
import { Shards } from "./shards.ts";
import { Streams } from "./streams.ts";

export interface AccessRequest {
  operation?: string;
  stream?: string;
  /** The name of the error in the words of the dialect. */
  error?: string;
}

export class Backend {
  readonly streams: Streams;
  readonly shards: Shards;
  readonly queues: Queues;
  readonly accounts: Accounts;
  readonly durable: DurableStreams;
  /** What the request asks for, as far as it is known, and its error: for the log and the metrics. */
  readonly deed: AccessRequest = {};
  private readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.streams = new Streams(runtime);
    this.shards = new Shards(runtime);
    this.queues = new Queues(runtime);
    this.accounts = new Accounts(runtime.env);
    this.durable = new DurableStreams(runtime);
  }

  /**
   * A dialect calls it when it knows what is asked for, before it does that. Throws `overloaded` if
   * the operator wants this call to fail; of PutRecords, the records fail one by one instead.
   */
  begin(operation: string, stream?: string): void {
    this.deed.operation = operation;
    if (stream !== undefined) this.deed.stream = stream;
    const { errorRates } = this.controls;
    if (errorRates.size === 0) return;
    const rate = errorRates.get(operation) ?? errorRates.get("*") ?? 0;
    if (operation === "PutRecords") this.streams.failRecords(rate);
    else if (Math.random() < rate) throw new StreamError("overloaded");
  }

  /** Throws an Error that names the variable with an invalid value. */
  get controls(): Controls {
    return controlsOf(this.runtime.env);
  }

  /** Who may print the page of this request instead of the Worker. */
  get frontPrinter(): FrontPrinter | undefined {
    return frontPrinterOf(this.runtime);
  }

  /** Bytes of bodies that the front has printed. */
  frontBytes(): Promise<number> {
    return askFrontBytes(this.runtime.env);
  }

  /** The objects of a v3io container. */
  items(scope: Scope, container: string): ItemStore {
    return new ItemStore(this.runtime.env, scope, container);
  }

  /** Who may call. */
  get access(): AuthConfig {
    return accessOf(this.runtime.env);
  }

  /**
   * Undefined if the caller may. An action without a resource, such as a listing, needs only the
   * caller's own list.
   */
  refusalOf(
    caller: Caller,
    action: NamedAction,
    resource: NamedResourceOrQueue | undefined,
  ): Promise<Refusal | undefined> {
    return refusalOf(this.runtime.env, caller, action, resource);
  }

  /** Throws an Error that names the variable with an invalid value. */
  get settings(): Settings {
    return readSettings(this.runtime.env);
  }

  /** The v3io containers. Throws as `settings`. */
  get containers(): string[] {
    return readContainers(this.runtime.env);
  }

  /** Path of the default Yandex database. */
  get yandexDatabase(): string | undefined {
    return this.runtime.env.MILLRACE_YANDEX_DATABASE;
  }

  /**
   * Empties the local server's store, or what one account has in it. Undefined when deployed, where
   * that cannot be asked for.
   */
  get reset(): ((account: string | undefined) => Promise<void>) | undefined {
    const { RESET: service } = this.runtime.env;
    return (
      service &&
      (async (account) => {
        const body = JSON.stringify({ account });
        const reply = await service.fetch("http://reset/", { method: "POST", body });
        if (!reply.ok) throw new Error(`the reset failed: ${reply.status}`);
      })
    );
  }

  /** What an instance of a cluster knows of itself; undefined if this is none. */
  async cluster(): Promise<ClusterAnswer | undefined> {
    const { CLUSTER: cluster } = this.runtime.env;
    return cluster && (await askCluster(cluster));
  }

  /** True for an instance of a cluster. */
  get isClustered(): boolean {
    return this.runtime.env.CLUSTER !== undefined;
  }

  /** The free space of the local server's disk; undefined when deployed. */
  async diskSpace(): Promise<SpaceAnswer | undefined> {
    const { SPACE: space } = this.runtime.env;
    return space && (await askSpace(space));
  }
}
