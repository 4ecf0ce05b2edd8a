// Shards that are called by memory, in real workerd: requests over sockets of their own and messages of a WebSocket
// append to objects that fail, end and are held on purpose (fixtures/near-worker.ts). Inside Vitest's pool a promise is not
// settled from another request, so nothing of this could be seen there.

import { connect as connectTo } from "node:net";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { buildWorker, type WorkerModules } from "../../local/build.ts";
import { type Runtime, startRuntime } from "../../local/runtime.ts";
import { jointAnswerMs, nearIdleMs, nearShardsMax } from "../../worker/limits.ts";
import { Random } from "../engine/random.ts";
import type { Order, Upset } from "./fixtures/near-worker.ts";

const scratch = mkdtempSync(join(tmpdir(), "millrace-near-"));
const seed = Number(process.env["SEED"] ?? 27);

/** Turns of messages there and back in which an answer that is not held back would have come. */
const turnsEnough = 5;

/** Calls in which what must come has come. */
const triesMax = 10_000;

interface Answer {
  value?: unknown;
  error?: string;
}

interface Looked {
  isNear: boolean;
  /** Calls by the platform, by method, and by memory, since the last look. */
  calls: string[];
  near: number;
}

type Ask = (order: Order) => Promise<Answer>;

interface Channel {
  ask: Ask;
  close(): Promise<void>;
  /** Ends its connection without a word. */
  break(): Promise<void>;
}

let modules: WorkerModules;
let runtime: Runtime;
let log: string[];
/** By a request of its own. */
let ask: Ask;
let channel: Channel;
let uid: string;

beforeAll(async () => {
  const folder = join(scratch, "build");
  mkdirSync(folder, { recursive: true });
  for (const file of ["engine.wasm", "scan.wasm"]) {
    cpSync(resolve(import.meta.dirname, "..", "..", "build", file), join(folder, file));
  }
  const entry = join(import.meta.dirname, "fixtures", "near-worker.ts");
  modules = await buildWorker(entry, folder, "near.js", folder);
  runtime = await start("near", { ONE_ISOLATE: "yes" });
  ask = askBy(runtime);
});

afterAll(async () => {
  await runtime.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

beforeEach(async () => {
  log = [];
  channel = await openChannel();
  uid = await openShard();
});

afterEach(() => channel.close());

async function start(name: string, bindings: Record<string, string>): Promise<Runtime> {
  const folder = { path: join(scratch, name), scratch: join(scratch, name, "tmp") };
  mkdirSync(folder.scratch, { recursive: true });
  return startRuntime({
    modules,
    folder,
    objects: { SHARD: "Shard" },
    bindings: { MILLRACE_LOG: "off", ...bindings },
    log: (line) => log.push(line),
  });
}

function askBy({ host, port }: Runtime): Ask {
  return async (order) => {
    const sent = { method: "POST", body: JSON.stringify(order) };
    const reply = await fetch(`http://${host}:${port}/`, sent);
    return reply.json<Answer>();
  };
}

async function openChannel({ host, port } = runtime): Promise<Channel> {
  const socket = new WebSocket(`ws://${host}:${port}/`);
  const awaited = new Map<number, (answer: Answer) => void>();
  socket.on("message", (data: Buffer) => {
    const { number, ...answer }: Answer & { number: number } = JSON.parse(data.toString());
    awaited.get(number)?.(answer);
  });
  await once(socket, "open");
  let number = 0;
  const end = async (how: "close" | "terminate") => {
    if (socket.readyState === WebSocket.CLOSED) return;
    const closed = once(socket, "close");
    socket[how]();
    await closed;
  };
  return {
    ask: (order) =>
      new Promise((done) => {
        awaited.set(++number, done);
        socket.send(JSON.stringify({ number, ...order }));
      }),
    close: () => end("close"),
    break: () => end("terminate"),
  };
}

async function openShard(): Promise<string> {
  const opened = `2-${crypto.randomUUID().replaceAll("-", "")}-0`;
  expect(await ask({ do: "open", uid: opened })).toEqual({ value: null });
  return opened;
}

function put(text: string, by: Ask = ask, to = uid): Promise<Answer> {
  return by({ do: "put", uid: to, text });
}

function write(seq: number, by: Ask = ask): Promise<Answer> {
  return by({ do: "write", uid, text: `${seq}`, seq });
}

async function upset(how: Upset): Promise<void> {
  await ask({ do: "upset", uid, how });
}

async function look(of = uid): Promise<Looked> {
  return (await ask({ do: "look", uid: of })).value as Looked;
}

async function readTexts(of = uid): Promise<string[]> {
  return (await ask({ do: "read", uid: of })).value as string[];
}

/** Puts until the shard is called by memory; returns how many puts that took. */
async function attend(of = uid, by: Ask = ask): Promise<number> {
  for (let count = 0; count < triesMax; count++) {
    if ((await look(of)).isNear) return count;
    expect(await put("attend", by, of)).toEqual({ value: expect.any(Number) });
  }
  throw new Error("nobody attends the shard");
}

/** Resolves when the object has taken so many calls from memory. */
async function untilTaken(count: number): Promise<void> {
  for (let tries = 0, taken = 0; taken < count; taken += (await look()).near) {
    if (tries++ === triesMax) throw new Error(`the object has taken ${taken} calls`);
  }
}

/** Resolves when the shard is called by the platform. */
async function untilLost(): Promise<void> {
  for (let tries = 0; (await look()).isNear; tries++) {
    if (tries === triesMax) throw new Error("the shard is still called by memory");
  }
}

async function expectOpen(...promises: Promise<unknown>[]): Promise<void> {
  for (let turn = 0; turn < turnsEnough; turn++) await look();
  for (const each of promises) {
    expect(await Promise.race([each, Promise.resolve("open")])).toBe("open");
  }
}

describe("a shard is called by memory", () => {
  test("from its third call on, by requests of the front and by others", async () => {
    expect(await put("a")).toEqual({ value: 0 });
    expect(await look()).toEqual({ isNear: false, calls: ["append"], near: 0 });
    expect(await put("b", channel.ask)).toEqual({ value: 1 });
    await attend();
    await look();
    const first = (await readTexts()).length;
    for (const [i, by] of [channel.ask, ask, channel.ask, ask].entries()) {
      expect(await put(`${i}`, by)).toEqual({ value: first + i });
    }
    expect(await look()).toEqual({ isNear: true, calls: [], near: 4 });
    expect((await readTexts()).slice(first)).toEqual(["0", "1", "2", "3"]);
  });

  test.each(["request", "message"])(
    "and those that begin together in a %s share a commit",
    async (by) => {
      await attend();
      await look();
      const commits = async () => Number((await ask({ do: "commits", uid })).value);
      const [before, first] = [await commits(), (await readTexts()).length];
      const texts = ["a", "b", "c"];
      const { value } = await (by === "request" ? ask : channel.ask)({ do: "putEach", uid, texts });
      expect(value).toEqual([first, first + 1, first + 2]);
      expect(await commits()).toBe(before + 1);
      expect(await look()).toEqual({ isNear: true, calls: [], near: 3 });
    },
  );

  test("also with a guard, whose verdict is the append's own", async () => {
    await attend();
    await look();
    const verdicts: unknown[] = [];
    for (const seq of [0, 1, 1, 3]) verdicts.push((await write(seq)).value);
    expect(verdicts).toEqual(["stored", "stored", "duplicate", "gap"]);
    expect(await look()).toEqual({ isNear: true, calls: [], near: 4 });
  });

  test("not without a front", async () => {
    await channel.close();
    for (let i = 0; i < 4; i++) expect(await put(`${i}`)).toEqual({ value: i });
    expect(await look()).toEqual({ isNear: false, calls: Array(4).fill("append"), near: 0 });
  });

  test("not where its object may be elsewhere", async () => {
    const far = await start("far", {});
    const askFar = askBy(far);
    const open = await openChannel(far);
    await askFar({ do: "open", uid });
    for (let i = 0; i < 4; i++) {
      expect(await put(`${i}`, i % 2 === 0 ? askFar : open.ask)).toEqual({ value: i });
    }
    const { value } = await askFar({ do: "look", uid });
    expect(value).toEqual({ isNear: false, calls: Array(4).fill("append"), near: 0 });
    await open.close();
    await far.dispose();
    expect(log).toEqual([]);
  });

  test("at most so many at a time; the others are called by the platform", async () => {
    const uids = await Promise.all(Array.from({ length: nearShardsMax + 1 }, openShard));
    for (const each of uids.slice(0, -1)) await attend(each);
    const last = uids.at(-1) ?? "";
    await look();
    for (let i = 0; i < 4; i++) expect(await put(`${i}`, ask, last)).toEqual({ value: i });
    expect(await look(last)).toEqual({ isNear: false, calls: Array(4).fill("append"), near: 0 });
    for (const each of uids.slice(0, 5)) expect((await look(each)).isNear).toBe(true);
    // Two looks let all of them go, and make room.
    await letAllGo();
    await attend(last);
    expect(log).toEqual([]);
  });
});

describe("an answer waits until what it rests on is durable", () => {
  test("a receipt", async () => {
    await attend();
    await upset("hold");
    const stored = put("a");
    await untilTaken(1);
    await expectOpen(stored);
    await upset("release");
    expect(await stored).toEqual({ value: expect.any(Number) });
  });

  test("a refusal by the end of the shard", async () => {
    await attend();
    await upset("hold");
    const closed = ask({ do: "upset", uid, how: "close" });
    await look();
    const refused = put("too late");
    await untilTaken(1);
    await expectOpen(refused);
    await upset("release");
    expect(await refused).toEqual({ error: "shardClosed" });
    await closed;
  });

  test("a verdict on an append that is under way", async () => {
    await attend();
    await upset("hold");
    const stored = write(0);
    await untilTaken(1);
    const refused = write(2);
    await untilTaken(1);
    await expectOpen(stored, refused);
    await upset("release");
    expect(await Promise.all([stored, refused])).toEqual([{ value: "stored" }, { value: "gap" }]);
  });
});

describe("every caller has an answer", () => {
  test("when a commit fails, and the next call goes by memory", async () => {
    await attend();
    await upset("hold");
    const doubtful = [put("a"), put("b", channel.ask)];
    await untilTaken(2);
    await upset("fail");
    const codes = (await Promise.all(doubtful)).map(({ error }) => error);
    expect(codes).toContain("commitFailed");
    await look();
    expect(await put("next")).toEqual({ value: expect.any(Number) });
    expect(await look()).toEqual({ isNear: true, calls: [], near: 1 });
    expect((await readTexts()).at(-1)).toBe("next");
  });

  test.each(["die", "dieNext"] as const)(
    "when the object ends (%s): at once, and its successor is called by the platform first",
    async (how) => {
      await attend();
      const lost: Promise<Answer>[] = [];
      if (how === "die") {
        await upset("hold");
        lost.push(put("a"), put("b", channel.ask), put("c"));
        await untilTaken(3);
        await upset("die");
      } else {
        await upset("dieNext");
        lost.push(put("a", channel.ask));
      }
      // Nobody calls it meanwhile: its WebSocket tells of the end.
      for (const { error } of await Promise.all(lost)) expect(error).toMatch(/has ended$/);
      expect(await look()).toMatchObject({ isNear: false, calls: [] });
      expect(await put("next")).toEqual({ value: expect.any(Number) });
      expect((await look()).calls).toEqual(["append"]);
      await attend();
      expect(await put("again")).toEqual({ value: expect.any(Number) });
      expect(await look()).toEqual({ isNear: true, calls: [], near: 1 });
      expect((await readTexts()).at(-1)).toBe("again");
    },
  );

  test("when the object does not answer: one of the front by the attendant's looks", async () => {
    await attend();
    await upset("hold");
    const silent = put("silent", channel.ask);
    await untilTaken(1);
    for (let looks = 0; looks < jointAnswerMs / nearIdleMs; looks++) await tick();
    await expectOpen(silent);
    await tick();
    expect(await silent).toEqual({ error: "unreachable" });
    await upset("release");
    expect(await put("next")).toEqual({ value: expect.any(Number) });
    expect((await readTexts()).slice(-2)).toEqual(["silent", "next"]);
    expect(log).toEqual([]);
  });

  test("when the shard is removed", async () => {
    await attend();
    await upset("destroy");
    expect(await put("a")).toEqual({ error: "shardNotFound" });
    expect(await put("b", channel.ask)).toEqual({ error: "shardNotFound" });
    expect((await look()).near).toBe(2);
    expect(log).toEqual([]);
  });

  test("but for one whose client has left: its record is stored, and the others have theirs", async () => {
    await attend();
    await upset("hold");
    const leave = putToLeave("left");
    const others = [put("a"), put("b", channel.ask)];
    await untilTaken(3);
    await leave();
    await expectOpen(...others);
    await upset("release");
    const places = (await Promise.all(others)).map(({ value }) => value);
    expect(places).toEqual([expect.any(Number), expect.any(Number)]);
    expect((await readTexts()).slice(-3).toSorted()).toEqual(["a", "b", "left"]);
    expect(await put("next")).toEqual({ value: expect.any(Number) });
    expect(await look()).toEqual({ isNear: true, calls: [], near: 1 });
    expect(log).toEqual([]);
  });
});

/** A put of a client whose connection is reset by the returned function. */
function putToLeave(text: string): () => Promise<void> {
  const { host, port } = runtime;
  const body = JSON.stringify({ do: "put", uid, text });
  const socket = connectTo(port, host).on("error", () => undefined);
  socket.write(`POST / HTTP/1.1\r\nHost: near\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  return async () => {
    const closed = once(socket, "close");
    socket.resetAndDestroy();
    await closed;
  };
}

/** The attendant looks. */
function tick(): Promise<Answer> {
  return channel.ask({ do: "tick" });
}

/** Two looks without a call in between. */
async function letAllGo(): Promise<void> {
  await tick();
  await tick();
}

describe("a shard is let go", () => {
  test("that nobody called between two looks, and is attended again when it is called", async () => {
    await attend();
    await tick();
    expect((await look()).isNear).toBe(true);
    await tick();
    expect(await look()).toMatchObject({ isNear: false });
    expect(await put("a")).toEqual({ value: expect.any(Number) });
    expect((await look()).calls).toEqual(["append"]);
    expect(await attend()).toBeGreaterThan(0);
  });

  test("not one that is called now and then, or has not answered", async () => {
    await attend();
    for (let i = 0; i < 4; i++) {
      await tick();
      await put(`${i}`);
    }
    expect((await look()).isNear).toBe(true);
    await upset("hold");
    const slow = put("slow");
    await untilTaken(1);
    for (let i = 0; i < 4; i++) await tick();
    expect((await look()).isNear).toBe(true);
    await upset("release");
    expect(await slow).toEqual({ value: expect.any(Number) });
  });

  test("and what comes in that moment is carried out", async () => {
    for (let round = 0; round < 10; round++) {
      await attend();
      await tick();
      const puts = [
        put("before", channel.ask),
        tick(),
        put("after", channel.ask),
        tick(),
        put("x"),
      ];
      for (const answer of await Promise.all(puts)) expect(answer).not.toHaveProperty("error");
      await letAllGo();
      expect((await look()).isNear).toBe(false);
    }
    expect(log).toEqual([]);
  });
});

describe("a front that ends", () => {
  test.each(["close", "break"] as const)("leaves no shard attended (%s)", async (how) => {
    await attend();
    await upset("hold");
    const others = [put("a"), put("b")];
    await untilTaken(2);
    void put("lost", channel.ask);
    await untilTaken(1);
    await channel[how]();
    await untilLost();
    await look();
    const next = put("next");
    await upset("release");
    for (const answer of await Promise.all([...others, next])) {
      expect(answer).toEqual({ value: expect.any(Number) });
    }
    expect((await look()).calls).toEqual(["append"]);
    const stored = (await readTexts()).filter((text) => text !== "attend");
    expect(stored.toSorted()).toEqual(["a", "b", "lost", "next"]);
    expect(log).toEqual([]);
  });

  test.each(["before", "after"])("has a successor, which comes %s its end", async (when) => {
    await attend();
    if (when === "after") await channel.close();
    const next = await openChannel();
    if (when === "before") await channel.close();
    await untilLost();
    await attend();
    await look();
    expect(await put("a", next.ask)).toEqual({ value: expect.any(Number) });
    expect(await look()).toEqual({ isNear: true, calls: [], near: 1 });
    await next.close();
    await untilLost();
    expect(log).toEqual([]);
  });

  test("keeps workerd no longer than without attended shards", async () => {
    const ending = await start("ending", { ONE_ISOLATE: "yes" });
    const open = await openChannel(ending);
    const own = askBy(ending);
    for (let i = 0; i < 5; i++) {
      const each = `2-${crypto.randomUUID().replaceAll("-", "")}-0`;
      await own({ do: "open", uid: each });
      for (let count = 0; count < 3; count++) await put("a", open.ask, each);
    }
    const drained = ending.drain();
    await open.close();
    await drained;
    expect(log).toEqual([]);
  });
});

test("puts of one client stay in order when their way changes", async () => {
  const texts: string[] = [];
  const first = (await readTexts()).length;
  for (let round = 0; round < 30; round++) {
    for (let i = 0; i < 5; i++) {
      const text = `${round} ${i}`;
      const { value } = await put(text, i % 2 === 0 ? ask : channel.ask);
      expect(value).toBe(first + texts.push(text) - 1);
    }
    if (round % 3 === 0) await letAllGo();
    if (round % 5 === 0) {
      await channel.close();
      channel = await openChannel();
    }
  }
  expect((await readTexts()).slice(first)).toEqual(texts);
});

test(`whatever fails, what was acknowledged is there, once, seed ${seed}`, async () => {
  const random = new Random(seed);
  const promised = new Map<number, string>();
  let sent = 0;
  let near = 0;
  const failures =
    /^(commitFailed|Error: (the object of shard \S+ has ended|it dies|the disk is gone|no answer from the disk))$/;
  for (let round = 0; round < 60; round++) {
    const puts: Promise<void>[] = [];
    const putSome = () => {
      for (let count = random.below(6); count > 0; count--) {
        const text = `${sent++}`;
        const told = put(text, random.chance(0.5) ? ask : channel.ask).then(({ value, error }) => {
          if (error !== undefined) return expect(error).toMatch(failures);
          expect(promised.has(Number(value))).toBe(false);
          promised.set(Number(value), text);
        });
        puts.push(told);
      }
    };
    putSome();
    const isHeld = random.chance(0.6);
    if (isHeld) await upset("hold");
    putSome();
    if (random.chance(0.3)) await look();
    putSome();
    const what = random.below(10);
    if (what === 0) await upset("die");
    else if (what === 1) await upset("dieNext");
    else if (what === 2) await upset("failNext");
    else if (what === 3) await letAllGo();
    if (isHeld) await upset(random.chance(0.3) ? "fail" : "release");
    putSome();
    await Promise.all(puts);
    near += (await look()).near;
  }
  const stored = await readTexts();
  expect([...promised].filter(([index, text]) => stored[index] !== text)).toEqual([]);
  expect(new Set(stored).size).toBe(stored.length);
  expect(promised.size).toBeGreaterThan(60);
  expect(near).toBeGreaterThan(60);
});
