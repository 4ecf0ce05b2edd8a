// Bodies of requests: how long one may take, how many large ones there may be at once, and what becomes
// of the others. The clock is the test's, and a body comes piece by piece as the test sends it.

import { Random } from "../../engine/random.ts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  bodyBudget,
  BodyError,
  readBody,
  readLentBody,
  releaseBody,
} from "../../../worker/http/body.ts";
import { StreamError } from "../../../worker/errors.ts";
import {
  bodiesBytesMax,
  bodyFreeBytes,
  bodyGraceMs,
  bodyIdleMsMax,
  bodyMsMax,
  bodyTickMs,
  bodyWaitMsMax,
  requestBodyBytesMax,
} from "../../../worker/limits.ts";

const largeBytes = bodiesBytesMax / 2;

/** What bodies are made of: bytes that do not repeat, so that one in a wrong place shows. */
const pattern = new Random(20_361_127).bytes(requestBodyBytesMax + 1);

/** A request whose body comes when the test says so. */
class Upload {
  /** What reading the body came to, once it has come to something. */
  outcome: Uint8Array | BodyError | StreamError | "too long" | undefined;
  private readonly request: Parameters<typeof readBody>[0];
  private controller!: ReadableByteStreamController;
  private sent = 0;

  constructor(claimed: number | undefined, read = readBody) {
    const headers = new Headers();
    if (claimed !== undefined) headers.set("content-length", String(claimed));
    const start = (controller: ReadableByteStreamController) => {
      this.controller = controller;
    };
    const body = new ReadableStream({ type: "bytes", start });
    this.request = { headers, body, arrayBuffer: () => new Response(body).arrayBuffer() };
    read(this.request, requestBodyBytesMax).then(
      (bytes) => (this.outcome = bytes ?? "too long"),
      (error: BodyError | StreamError) => (this.outcome = error),
    );
  }

  async send(bytes: number): Promise<void> {
    this.controller.enqueue(pattern.slice(this.sent, this.sent + bytes));
    this.sent += bytes;
    await settled();
  }

  async end(): Promise<void> {
    this.controller.close();
    this.controller.byobRequest?.respond(0);
    await settled();
  }

  /** The reply has been given. */
  async answer(): Promise<void> {
    releaseBody(this.request);
    await settled();
  }

  expectWhole(): void {
    expect(this.outcome).toBeInstanceOf(Uint8Array);
    const bytes = this.outcome as Uint8Array;
    expect(Buffer.compare(bytes, pattern.subarray(0, this.sent))).toBe(0);
  }
}

const timers = ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const;

const uploads: Upload[] = [];

function upload(claimed?: number, read = readBody): Upload {
  const begun = new Upload(claimed, read);
  uploads.push(begun);
  return begun;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: [...timers] });
});

afterEach(async () => {
  for (const each of uploads.splice(0)) await each.answer();
  expect([bodyBudget.bytes, bodyBudget.waiting, vi.getTimerCount()]).toEqual([0, 0, 0]);
  vi.useRealTimers();
});

describe("a body", () => {
  test.each([
    ["one byte", 1],
    ["what is free", bodyFreeBytes],
    ["a byte more", bodyFreeBytes + 1],
    ["three megabytes", 3_000_000],
    ["the most that is allowed", requestBodyBytesMax],
  ])("is read whole: %s, of known length and in chunks", async (_, length) => {
    for (const claimed of [length, undefined]) {
      const whole = upload(claimed);
      for (let left = length; left > 0; left -= 999_999) await whole.send(Math.min(left, 999_999));
      await whole.end();
      whole.expectWhole();
      await whole.answer();
    }
  });

  test("that is lent is whole until the reply, also in memory of an earlier one, and gone then", async () => {
    const lengths = [1_000_000, 999_000, 70_000, 1_000_000];
    for (const length of lengths) {
      const [one, other] = [upload(length, readLentBody), upload(length, readLentBody)];
      for (const each of [one, other]) {
        await each.send(length / 2);
        await each.send(length / 2);
      }
      for (const each of [one, other]) each.expectWhole();
      const views = [one, other].map(({ outcome }) => outcome as Uint8Array);
      await one.answer();
      other.expectWhole();
      await other.answer();
      expect(views.map((view) => view.length)).toEqual([0, 0]);
    }
  });

  test("longer than is allowed is not read, whether it says so or not", async () => {
    const honest = upload(requestBodyBytesMax + 1);
    const chunked = upload();
    await chunked.send(requestBodyBytesMax);
    expect([honest.outcome, chunked.outcome]).toEqual(["too long", undefined]);
    await chunked.send(1);
    expect(chunked.outcome).toBe("too long");
  });

  test("of no length is empty", async () => {
    const empty = upload(0);
    const chunked = upload();
    await chunked.end();
    expect([empty.outcome, chunked.outcome]).toEqual([new Uint8Array(0), new Uint8Array(0)]);
  });

  test.each([500, 500_000])(
    "that ends after %i bytes of more did not come whole",
    async (bytes) => {
      const broken = upload(1_000_000);
      await broken.send(bytes);
      await broken.end();
      expect(broken.outcome).toEqual(new BodyError("The request's body did not come whole."));
    },
  );
});

describe("time", () => {
  test.each([
    ["a large one", 1_000_000, 500],
    ["a large one, late", 1_000_000, 500_000],
    ["one in chunks", undefined, 500],
    ["one in chunks, late", undefined, 500_000],
  ])("%s of which nothing more comes is given up", async (_, claimed, bytes) => {
    const stalled = upload(claimed);
    await stalled.send(bytes);
    await pass(bodyIdleMsMax - bodyTickMs);
    expect(stalled.outcome).toBeUndefined();
    await pass(bodyTickMs);
    expect(stalled.outcome).toEqual(
      new BodyError("Nothing of the request's body came for 10 seconds."),
    );
  });

  test("a small one that is not there by then is given up", async () => {
    const small = upload(bodyFreeBytes);
    for (let ms = 0; ms < bodyIdleMsMax; ms += bodyTickMs) {
      expect(small.outcome).toBeUndefined();
      await small.send(10);
      await pass(bodyTickMs);
    }
    expect(small.outcome).toEqual(new BodyError("The request's body took longer than 10 seconds."));
  });

  test("one that comes little by little is given up", async () => {
    const slow = upload(1_000_000);
    for (let ms = 0; ms < bodyMsMax - bodyTickMs; ms += bodyTickMs) {
      await slow.send(10);
      await pass(bodyTickMs);
    }
    expect(slow.outcome).toBeUndefined();
    await pass(bodyTickMs);
    expect(slow.outcome).toEqual(new BodyError("The request's body took longer than 60 seconds."));
  });

  test("one that takes its time is read, and then nothing is late any more", async () => {
    const slow = upload(500_000);
    for (let part = 0; part < 5; part++) {
      await pass(bodyIdleMsMax - bodyTickMs);
      await slow.send(100_000);
    }
    slow.expectWhole();
    await pass(bodyMsMax);
    slow.expectWhole();
    expect(bodyBudget.bytes).toBe(500_000);
  });
});

describe("room", () => {
  test("the next one goes on when a request has been answered, not when its body is read", async () => {
    const [first] = await fillRoom();
    const third = upload(largeBytes);
    await third.send(largeBytes);
    await first.send(largeBytes - bodyFreeBytes);
    first.expectWhole();
    expect([bodyBudget.waiting, third.outcome]).toEqual([1, undefined]);
    await first.answer();
    third.expectWhole();
  });

  test("the smaller ones go on first, and those of one size in the order in which they came", async () => {
    const [first, second] = await fillRoom();
    const waiting = [largeBytes, largeBytes, 2_000_000].map((bytes) => upload(bytes));
    for (const each of waiting) await each.send(bodyFreeBytes);
    const rest = () => Promise.all(waiting.map((each, i) => each.send(rests[i] ?? 0)));
    const rests = [largeBytes, largeBytes, 2_000_000].map((bytes) => bytes - bodyFreeBytes);
    await rest();
    const outcomes = () => waiting.map(({ outcome }) => outcome !== undefined);
    expect(outcomes()).toEqual([false, false, false]);
    await first.answer();
    expect(outcomes()).toEqual([false, false, true]);
    await waiting[2]?.answer();
    expect(outcomes()).toEqual([true, false, true]);
    await second.answer();
    expect(outcomes()).toEqual([true, true, true]);
  });

  test("those of usual size do not wait for large ones, however many wait", async () => {
    await fillRoom();
    for (let i = 0; i < 300; i++) await upload(largeBytes).send(bodyFreeBytes + 1000);
    expect(bodyBudget.waiting).toBe(300);
    for (let i = 0; i < 10; i++) {
      const usual = upload(1_000_000);
      await usual.send(1_000_000);
      usual.expectWhole();
      await usual.answer();
    }
  });

  test("whoever sends almost nothing while others wait is given up within two seconds", async () => {
    const [first, second] = await fillRoom();
    const third = upload(largeBytes);
    await third.send(largeBytes);
    for (let ms = 0; ms < 2000; ms += bodyTickMs) {
      await Promise.all([first.send(1000), second.send(200_000)]);
      await pass(bodyTickMs);
    }
    expect([first.outcome, second.outcome]).toEqual([
      new BodyError("The request's body came too slowly while others waited."),
      undefined,
    ]);
    third.expectWhole();
  });

  test("small bodies never wait", async () => {
    await fillRoom();
    const small = upload(bodyFreeBytes);
    const chunked = upload();
    await small.send(bodyFreeBytes);
    await small.end();
    await chunked.send(bodyFreeBytes - 1);
    await chunked.end();
    small.expectWhole();
    chunked.expectWhole();
  });

  test("a claim alone takes none", async () => {
    for (let i = 0; i < 300; i++) await upload(largeBytes).send(100);
    expect(bodyBudget.bytes).toBe(0);
    const other = upload(largeBytes);
    await other.send(largeBytes);
    other.expectWhole();
  });

  test("whoever finds none waits, and is refused in the end", async () => {
    const both = await fillRoom();
    for (const each of both) await each.send(largeBytes - bodyFreeBytes);
    const third = upload(largeBytes);
    await third.send(bodyFreeBytes);
    await pass(bodyWaitMsMax - bodyTickMs);
    expect(third.outcome).toBeUndefined();
    await pass(bodyTickMs);
    expect(third.outcome).toEqual(new StreamError("overloaded"));
    expect(bodyBudget.waiting).toBe(0);
  });

  test("whoever is slow while others wait is given up, and nobody while none does", async () => {
    const [first, second] = await fillRoom();
    const allowedMs = bodyGraceMs + (largeBytes / 1024 / 1024) * 1000;
    const slowly = async () => {
      await Promise.all([first.send(1), second.send(1)]);
      await pass(bodyTickMs);
    };
    for (let ms = 0; ms < allowedMs; ms += bodyTickMs) await slowly();
    expect([first.outcome, second.outcome]).toEqual([undefined, undefined]);
    const third = upload(largeBytes);
    await third.send(largeBytes);
    await slowly();
    expect(first.outcome).toEqual(
      new BodyError("The request's body came too slowly while others waited."),
    );
    third.expectWhole();
  });

  test("a request that was cut off, and runs no code any more, is forgotten", async () => {
    await fillRoom();
    // Nothing of a request that is gone happens any more: its timers do not either.
    vi.clearAllTimers();
    const third = upload(largeBytes);
    await third.send(largeBytes);
    expect(third.outcome).toBeUndefined();
    await pass(4 * bodyTickMs);
    third.expectWhole();
  });
});

/** Two bodies of half the room each, of which enough has come that they have it. */
async function fillRoom(): Promise<[Upload, Upload]> {
  const both: [Upload, Upload] = [upload(largeBytes), upload(largeBytes)];
  for (const each of both) await each.send(bodyFreeBytes);
  expect(bodyBudget.bytes).toBe(bodiesBytesMax);
  return both;
}

/** Time goes by, and everything that it sets going happens. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += bodyTickMs) {
    vi.advanceTimersByTime(bodyTickMs);
    await settled();
  }
}

/** Everything that needs no time has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((done) => setImmediate(done));
}
