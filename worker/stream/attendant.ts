// Keeps the objects of busy shards awake, so that they take calls from memory (core/nearShards.ts). It lives in the
// request by which the front of the local server is connected, and holds a WebSocket to each object: by that it hears
// when the object ends. One that is not called for a while is let go.
import type { Env } from "../core/bindings.ts";
import { findNear, forgetCalled, hearWanted, type NearShard } from "../core/nearShards.ts";
import { jointAnswerMs, nearIdleMs, nearShardsMax } from "../limits.ts";

/** A call is answered by then. */
const looksMax = Math.ceil(jointAnswerMs / nearIdleMs);

interface Attended {
  near: NearShard;
  socket: WebSocket;
}

export class Attendant {
  private readonly env: Pick<Env, "SHARD">;
  /** Undefined while its object is asked. */
  private readonly shards = new Map<string, Attended | undefined>();
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly wanted = hearWanted();
  private isOver = false;

  constructor(env: Pick<Env, "SHARD">) {
    this.env = env;
    this.timer = setInterval(() => this.letGo(), nearIdleMs);
    void this.run();
  }

  stop(): void {
    this.isOver = true;
    clearInterval(this.timer);
    this.wanted.end();
    for (const uid of this.shards.keys()) this.leave(uid);
  }

  private async run(): Promise<void> {
    while (!this.isOver) for (const uid of await this.wanted.next()) void this.attend(uid);
  }

  private async attend(uid: string): Promise<void> {
    if (this.isOver || this.shards.has(uid) || this.shards.size >= nearShardsMax) return;
    this.shards.set(uid, undefined);
    try {
      const shard = this.env.SHARD.getByName(uid);
      const { webSocket } = await shard.fetch("http://shard/", {
        headers: { upgrade: "websocket" },
      });
      const near = findNear(uid);
      if (webSocket === null || near === undefined) throw new Error("no WebSocket");
      webSocket.accept();
      webSocket.addEventListener("close", () => this.lose(uid, near));
      this.shards.set(uid, { near, socket: webSocket });
      if (this.isOver) this.leave(uid);
    } catch (error) {
      console.warn(`shard ${uid} cannot be called by memory`, error);
      this.shards.delete(uid);
    }
  }

  private lose(uid: string, near: NearShard): void {
    if (this.shards.get(uid)?.near !== near) return;
    this.shards.delete(uid);
    near.lose();
  }

  private leave(uid: string): void {
    const attended = this.shards.get(uid);
    this.shards.delete(uid);
    attended?.near.leave();
    attended?.socket.close();
  }

  private letGo(): void {
    forgetCalled();
    for (const [uid, attended] of this.shards)
      if (attended?.near.look(looksMax) === true) this.leave(uid);
  }
}
