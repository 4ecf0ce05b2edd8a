// The server's side of HTTP/2 on a real socket: frames by hand for what clients must not do, and Node's
// client for what they do.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect, createServer } from "node:net";
import {
  array,
  assert,
  asyncProperty,
  dictionary,
  nat,
  property,
  stringMatching,
  uint8Array,
} from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { code, flag, FrameReader, frameType, preface } from "../../local/http2/frames.ts";
import { Session } from "../../local/http2/session.ts";
import type { Stream, StreamTaker } from "../../local/http2/stream.ts";

const host = "127.0.0.1";
const headBytesMax = 16 << 10;
const pageBytes = 200_000;
const windowBytes = 65_535;

/** Answers `/hold` never and takes nothing of it; `/page` with a page; others with what they were. */
function answer(stream: Stream): StreamTaker {
  const { path, fields } = stream.head;
  const parts: Buffer[] = [];
  const reply = () => {
    const body = path === "/page" ? Buffer.alloc(pageBytes, "a") : Buffer.concat(parts);
    stream.respond(200, ["x-told", JSON.stringify(fields.map(({ name, value }) => [name, value]))]);
    if (body.length > 0) stream.write(body, () => {});
    stream.end();
  };
  if (stream.isReceived) queueMicrotask(reply);
  return {
    data(bytes) {
      if (path === "/hold") return;
      parts.push(bytes);
      stream.consume(bytes.length);
    },
    received: reply,
    flush() {},
    closed() {},
  };
}

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  const session: Session = new Session(socket, headBytesMax, {
    begun() {},
    request: answer,
    tooLarge(stream) {
      stream.respond(431, [], true);
      return { data() {}, received() {}, flush() {}, closed() {} };
    },
    left: () => socket.end(),
  });
  socket.on("data", (bytes) => session.take(bytes));
  socket.once("close", () => session.destroy());
});
let port = 0;

beforeAll(async () => {
  await once(server.listen(0, host), "listening");
  ({ port } = server.address() as AddressInfo);
});

afterAll(() => void server.close());

function frame(type: number, flags: number, streamId: number, payload: Buffer | string): Buffer {
  const head = Buffer.alloc(9);
  const body = typeof payload === "string" ? Buffer.from(payload, "latin1") : payload;
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

function number(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString("latin1");
}

function settingOf(id: number, value: number): string {
  return `\0${String.fromCharCode(id)}${number(value)}`;
}

function print(text: string): string {
  return String.fromCharCode(text.length) + text;
}

/** A header block of literals. */
function block(fields: readonly (readonly [string, string])[]): string {
  return fields.map(([name, value]) => `\0${print(name)}${print(value)}`).join("");
}

const post = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/echo"],
  [":authority", "localhost"],
] as const;

const settings = frame(frameType.settings, 0, 0, "");
const ping = frame(frameType.ping, 0, 0, "12345678");

function headers(
  streamId: number,
  fields: readonly (readonly [string, string])[],
  flags: number = flag.endStream | flag.endHeaders,
): Buffer {
  return frame(frameType.headers, flags, streamId, block(fields));
}

function data(streamId: number, payload: string, flags = 0): Buffer {
  return frame(frameType.data, flags, streamId, payload);
}

interface Got {
  type: number;
  flags: number;
  streamId: number;
  payload: Buffer;
}

/** Sends the preface and frames, and gives what comes back frame by frame until the end. */
async function* talk(...frames: Buffer[]): AsyncGenerator<Got, void, Buffer | undefined> {
  const socket = connect(port, host);
  socket.on("error", () => {});
  socket.write(Buffer.concat([preface, ...frames]));
  let held = Buffer.alloc(0);
  try {
    for await (const bytes of socket as AsyncIterable<Buffer>) {
      held = Buffer.concat([held, bytes]);
      while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
        const end = 9 + held.readUIntBE(0, 3);
        const more = yield {
          type: held[3] ?? 0,
          flags: held[4] ?? 0,
          streamId: held.readUInt32BE(5),
          payload: held.subarray(9, end),
        };
        if (more !== undefined) socket.write(more);
        held = held.subarray(end);
      }
    }
  } finally {
    socket.destroy();
  }
}

/** The code with which the session is ended. */
async function faultOf(...frames: Buffer[]): Promise<number | undefined> {
  for await (const { type, payload } of talk(...frames)) {
    if (type === frameType.goAway) return payload.readUInt32BE(4);
  }
  return undefined;
}

/** The code with which stream 1 is ended, in a session that goes on. */
async function resetOf(...frames: Buffer[]): Promise<number | undefined> {
  let reset: number | undefined;
  for await (const { type, flags, streamId, payload } of talk(settings, ...frames, ping)) {
    if (type === frameType.reset && streamId === 1) reset = payload.readUInt32BE(0);
    if (type === frameType.goAway) throw new Error(`session ended: ${payload.readUInt32BE(4)}`);
    if (type === frameType.ping && flags === flag.acknowledged) break;
  }
  return reset;
}

const open = headers(1, post, flag.endHeaders);
const whole = headers(1, post);
const { data: dataType, headers: headersType, continuation } = frameType;

describe("ends the session", () => {
  test.each<[string, number, Buffer[]]>([
    ["another first frame", code.protocol, [ping]],
    ["a frame that is too large", code.frameSize, [settings, data(1, "a".repeat(16_385))]],
    ["data of the session", code.protocol, [settings, data(0, "a")]],
    ["data of a stream that is not open", code.protocol, [settings, data(1, "a")]],
    ["an even stream", code.protocol, [settings, headers(2, post)]],
    ["a request on no stream", code.protocol, [settings, headers(0, post)]],
    [
      "a stream that depends on itself",
      code.protocol,
      [settings, frame(headersType, 0x25, 1, `${number(1)}\0${block(post)}`)],
    ],
    ["a block with something between", code.protocol, [settings, headers(1, post, 0), ping]],
    ["a continuation of nothing", code.protocol, [settings, frame(continuation, 4, 1, "")]],
    [
      "a block without end",
      code.calm,
      [settings, headers(1, post, 0), ...Array(40).fill(frame(continuation, 0, 1, ""))],
    ],
    ["padding without data", code.protocol, [settings, open, data(1, "\x05a", flag.padded)]],
    ["a padded frame without length", code.frameSize, [settings, open, data(1, "", flag.padded)]],
    ["settings of a stream", code.protocol, [settings, frame(frameType.settings, 0, 1, "")]],
    ["half a setting", code.frameSize, [frame(frameType.settings, 0, 0, "abcde")]],
    ["an acknowledgement with settings", code.frameSize, [settings, frame(4, 1, 0, "abcdef")]],
    ["pushing twice", code.protocol, [frame(frameType.settings, 0, 0, settingOf(2, 2))]],
    ["too large windows", code.flowControl, [frame(4, 0, 0, settingOf(4, 2 ** 31))]],
    ["too small frames", code.protocol, [frame(4, 0, 0, settingOf(5, 1))]],
    ["a short ping", code.frameSize, [settings, frame(frameType.ping, 0, 0, "1234567")]],
    ["a ping of a stream", code.protocol, [settings, frame(frameType.ping, 0, 1, "12345678")]],
    ["a promise", code.protocol, [settings, frame(frameType.pushPromise, 4, 1, number(2))]],
    ["a window that grows by 0", code.protocol, [settings, frame(8, 0, 0, number(0))]],
    ["a window past 2^31", code.flowControl, [settings, frame(8, 0, 0, number(2 ** 31 - 1))]],
    ["half a window", code.frameSize, [settings, frame(8, 0, 0, "abc")]],
    ["a window of nothing", code.protocol, [settings, frame(8, 0, 1, number(1))]],
    ["a reset of nothing", code.protocol, [settings, frame(3, 0, 1, number(8))]],
    ["half a reset", code.frameSize, [settings, open, frame(3, 0, 1, "abc")]],
    ["half a farewell", code.frameSize, [settings, frame(frameType.goAway, 0, 0, number(0))]],
    ["no header block", code.compression, [settings, frame(headersType, 5, 1, "\xff\xff\xff")]],
    ["an index without field", code.compression, [settings, frame(headersType, 5, 1, "\xfe")]],
    ["a table that is too large", code.compression, [settings, frame(1, 5, 1, "\x3f\xe2\x1f")]],
    ["a string with broken code", code.compression, [settings, frame(1, 5, 1, "\0\x81\0\0")]],
    [
      "streams that are given up at once",
      code.calm,
      [
        settings,
        ...Array.from({ length: 1100 }, (_, i) =>
          Buffer.concat([
            headers(2 * i + 1, post, flag.endHeaders),
            frame(frameType.reset, 0, 2 * i + 1, number(8)),
          ]),
        ),
      ],
    ],
    ["empty data without end", code.calm, [settings, open, ...Array(1100).fill(data(1, ""))]],
  ])("%s", async (_what, expected, frames) => {
    expect(await faultOf(...frames)).toBe(expected);
  });
});

describe("ends the stream alone", () => {
  test.each<[string, number, Buffer[]]>([
    ["a name in upper case", code.protocol, [headers(1, [...post, ["X-A", "b"]])]],
    ["a name that is none", code.protocol, [headers(1, [...post, ["a b", "b"]])]],
    ["a value of two lines", code.protocol, [headers(1, [...post, ["x", "a\r\nb: c"]])]],
    ["a pseudo-header too late", code.protocol, [headers(1, [["a", "b"], ...post])]],
    ["an unknown pseudo-header", code.protocol, [headers(1, [[":a", "b"], ...post])]],
    ["no path", code.protocol, [headers(1, post.slice(0, 2))]],
    ["two paths", code.protocol, [headers(1, [...post, [":path", "/"]])]],
    ["a method that is none", code.protocol, [headers(1, [[":method", "A B"], ...post.slice(1)])]],
    ["a header of a connection", code.protocol, [headers(1, [...post, ["upgrade", "h3"]])]],
    ["chunks", code.protocol, [headers(1, [...post, ["transfer-encoding", "chunked"]])]],
    ["another TE", code.protocol, [headers(1, [...post, ["te", "gzip"]])]],
    ["a length without body", code.protocol, [headers(1, [...post, ["content-length", "1"]])]],
    ["a length that is none", code.protocol, [headers(1, [...post, ["content-length", "+0"]])]],
    [
      "two lengths",
      code.protocol,
      [headers(1, [...post, ["content-length", "0"], ["content-length", "0"]])],
    ],
    [
      "a body that is too long",
      code.protocol,
      [headers(1, [...post, ["content-length", "1"]], 4), data(1, "ab")],
    ],
    [
      "a body that is too short",
      code.protocol,
      [headers(1, [...post, ["content-length", "2"]], 4), data(1, "a", flag.endStream)],
    ],
    ["trailers that do not end it", code.protocol, [open, headers(1, [["a", "b"]], 4)]],
    ["trailers with a path", code.protocol, [open, headers(1, [[":path", "/"]])]],
    ["data after its end", code.streamClosed, [whole, data(1, "a")]],
    ["a second request", code.streamClosed, [whole, whole]],
    ["a window that grows by 0", code.protocol, [open, frame(8, 0, 1, number(0))]],
    ["a window past 2^31", code.flowControl, [open, frame(8, 0, 1, number(2 ** 31 - 1))]],
    ["half a priority", code.frameSize, [frame(frameType.priority, 0, 1, "abcd")]],
    ["a priority under itself", code.protocol, [frame(2, 0, 1, `${number(1)}\0`)]],
    [
      "more data than its window",
      code.flowControl,
      [
        headers(1, [...post.slice(0, 2), [":path", "/hold"]], flag.endHeaders),
        ...Array(65).fill(data(1, "a".repeat(16_384))),
      ],
    ],
    ["nothing", NaN, [whole]],
  ])("%s", async (_what, expected, frames) => {
    expect((await resetOf(...frames)) ?? NaN).toBe(expected);
  });
});

test("padding, priorities, continuations, trailers and unknown frames are taken", async () => {
  const text = block([...post, ["x-a", "b"]]);
  const frames = [
    settings,
    frame(99, 255, 1, "unknown"),
    frame(headersType, 0x20 | flag.padded, 1, `\x02${number(0)}\x10${text.slice(0, 20)}\0\0`),
    frame(continuation, 0, 1, text.slice(20, 30)),
    frame(continuation, flag.endHeaders, 1, text.slice(30)),
    data(1, "\x03hel\0\0\0", flag.padded),
    data(1, "lo"),
    headers(1, [["x-sum", "1"]]),
  ];
  let body = "";
  for await (const { type, flags, payload } of talk(...frames)) {
    if (type === headersType) expect(payload.toString("latin1")).toContain('[["x-a","b"]]');
    if (type === dataType) body += payload.toString();
    if (type === dataType && (flags & flag.endStream) !== 0) break;
  }
  expect(body).toBe("hello");
});

test("frames are the same however they are cut", () => {
  const sent = [settings, open, data(1, "a".repeat(300)), data(1, ""), ping];
  const bytes = Buffer.concat([preface, ...sent]);
  const places = array(nat({ max: bytes.length }), { maxLength: 40 });
  assert(
    property(places, (places) => {
      const ends = [...places, bytes.length].toSorted((a, b) => a - b);
      const reader = new FrameReader();
      const got: Buffer[] = [];
      ends.forEach((end, i) => {
        reader.take(bytes.subarray(i === 0 ? 0 : ends[i - 1], end), (taken) =>
          got.push(frame(taken.type, taken.flags, taken.streamId, taken.payload)),
        );
      });
      expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
    }),
  );
});

test("a reply waits for the windows of its client", async () => {
  const get = headers(1, [...post.slice(0, 2), [":path", "/page"]]);
  const conversation = talk(settings, get, ping);
  let length = 0;
  let granted = windowBytes;
  for (let step = await conversation.next(); !step.done;) {
    const { type, flags, payload } = step.value;
    if (type === dataType) length += payload.length;
    expect(length).toBeLessThanOrEqual(granted);
    if (type === dataType && (flags & flag.endStream) !== 0) break;
    if (type === dataType && length === granted) {
      granted += 50_000;
      const grow = (streamId: number) => frame(8, 0, streamId, number(50_000));
      step = await conversation.next(Buffer.concat([grow(0), grow(1)]));
    } else step = await conversation.next();
  }
  await conversation.return();
  expect(length).toBe(pageBytes);
});

test("a head that is too large is a 431, and the session goes on", async () => {
  const session = connectHttp2(`http://${host}:${port}`);
  for (const [length, status] of [
    [headBytesMax, 431],
    [1000, 200],
  ] as const) {
    const stream = session.request({ ":path": "/", "x-a": "b".repeat(length) });
    const [reply] = await once(stream.resume(), "response");
    expect(reply).toMatchObject({ ":status": status });
  }
  session.destroy();
});

test("more streams than may be open are refused", async () => {
  const session = connectHttp2(`http://${host}:${port}`, { peerMaxConcurrentStreams: 2000 });
  const held = Array.from({ length: 1001 }, () =>
    session.request({ ":method": "POST", ":path": "/hold" }, { endStream: false }),
  );
  const faults = held.map((stream) => new Promise((done) => stream.once("error", done)));
  expect(await Promise.race(faults)).toMatchObject({ message: expect.stringMatching(/REFUSED/) });
  session.destroy();
  session.on("error", () => {});
});

test.each([{}, { headerTableSize: 0 }, { headerTableSize: 100 }])(
  "requests of Node's client are what it sent: %j",
  async (own) => {
    const session = connectHttp2(`http://${host}:${port}`, { settings: own });
    const name = stringMatching(/^x-[a-z0-9-]{1,20}$/);
    const value = stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/);
    const body = uint8Array({ maxLength: 40_000 });
    await assert(
      asyncProperty(dictionary(name, value, { maxKeys: 20 }), body, async (fields, body) => {
        const stream = session.request({ ":method": "POST", ":path": "/echo", ...fields });
        stream.end(body);
        const [reply] = (await once(stream, "response")) as [Record<string, string>];
        const parts: Buffer[] = [];
        for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
        expect(Buffer.concat(parts).equals(body)).toBe(true);
        expect(Object.fromEntries(JSON.parse(reply["x-told"] ?? ""))).toEqual({ ...fields });
      }),
      { numRuns: 50 },
    );
    session.destroy();
  },
);
