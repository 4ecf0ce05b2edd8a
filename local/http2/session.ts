/**
 * The server's side of one HTTP/2 connection (RFC 9113): settings, windows, streams and their errors. It
 * pushes nothing and follows no priorities; streams that have something to send take turns. A client
 * that breaks the protocol, or that makes work without end, is told so and disconnected.
 */
import type { Socket } from "node:net";
import {
  code,
  flag,
  type Frame,
  frameBytesMax,
  FrameReader,
  frameType,
  SessionFault,
  setting,
} from "./frames.ts";
import { FrameWriter } from "./frameWriter.ts";
import { printHeaders, tableUnused } from "./headerPrinter.ts";
import { CompressionFault, HeaderReader, tableBytesMax } from "./headerReader.ts";
import { readRequestHead } from "./requestHead.ts";
import { Stream, type StreamOutlet, type StreamTaker } from "./stream.ts";

/** Of every connection and stream, as long as nobody changes it. */
const windowBytesAtFirst = 65_535;
const windowBytesMax = 2 ** 31 - 1;

/**
 * Flow control windows of request bodies: bytes that may wait here for each stream and session
 * while workerd accepts none. On loopback a megabyte is in flight at 1 GB/s and 1 ms.
 */
const streamWindowBytes = 1 << 20;
const sessionWindowBytes = 8 << 20;

const concurrentStreamsMax = 1000;

/** Replies to frames of a client that reads none of them. */
const waitingBytesMax = 4 << 20;

/** Frames that ask for work and bring nothing: streams that are given up at once, empty data. */
const idleFramesMax = 1000;
const idleFramesPerSecond = 33;

/** The longest header block, coded; the list itself has the same bound. */
const blockFramesMax = 32;

export interface SessionEvents {
  /** The client's settings have come. */
  begun(): void;
  /** A request; what is returned takes its body. */
  request(stream: Stream): StreamTaker;
  /** A request whose head is larger than `headBytesMax`, and not known. */
  tooLarge(stream: Stream): StreamTaker;
  /** The session is over: nothing more is read, and the last bytes have been given to the socket. */
  left(): void;
}

export class Session implements StreamOutlet {
  readonly #events: SessionEvents;
  readonly #frames = new FrameReader();
  readonly #headers: HeaderReader;
  readonly #writer: FrameWriter;
  readonly #streams = new Map<number, Stream>();
  /** Those that can send, in turn. */
  readonly #ready = new Set<Stream>();
  /** Those that got something in this turn. */
  readonly #given = new Set<Stream>();
  #lastStreamId = 0;
  #sendWindow = windowBytesAtFirst;
  #receiveWindow = sessionWindowBytes;
  #untoldBytes = 0;
  #streamSendWindow = windowBytesAtFirst;
  /** A header block of which frames are missing. */
  #block: { streamId: number; flags: number; parts: Buffer[] } | undefined;
  #hasSettings = false;
  #isTableReset = false;
  #isStopping = false;
  #isOver = false;
  #idleFrames = 0;
  #idleSinceMs = 0;

  constructor(socket: Socket, headBytesMax: number, events: SessionEvents) {
    this.#events = events;
    this.#headers = new HeaderReader(headBytesMax);
    this.#writer = new FrameWriter(socket, () => this.#send());
    const settings = [
      printSetting(setting.concurrentStreams, concurrentStreamsMax),
      printSetting(setting.initialWindowSize, streamWindowBytes),
      printSetting(setting.headerListSize, headBytesMax),
    ];
    this.#writer.write(frameType.settings, 0, 0, settings.join(""));
    this.#tellWindow(0, sessionWindowBytes - windowBytesAtFirst);
  }

  get openStreamCount(): number {
    return this.#streams.size;
  }

  /** Takes the bytes of the connection. */
  take(bytes: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#frames.take(bytes, (frame) => this.#takeFrame(frame));
    } catch (error) {
      if (error instanceof SessionFault) this.#fail(error.code);
      else if (error instanceof CompressionFault) this.#fail(code.compression);
      else throw error;
    }
    const given = [...this.#given];
    this.#given.clear();
    for (const stream of given) stream.taker?.flush();
  }

  /** Lets the open streams finish and accepts no new ones. */
  stop(): void {
    if (this.#isOver || this.#isStopping) return;
    this.#isStopping = true;
    this.#sendGoAway(code.none);
    if (this.#streams.size === 0) this.#leave();
  }

  /** The connection is gone. */
  destroy(): void {
    this.#isOver = true;
    this.#writer.stop();
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
    this.#ready.clear();
  }

  sendHeaders(stream: Stream, status: number, headers: readonly string[], isLast: boolean): void {
    const prefix = this.#isTableReset ? tableUnused : "";
    this.#isTableReset = false;
    this.#writer.writeHeaders(stream.id, prefix + printHeaders(status, headers), isLast);
    if (isLast) this.#finishSending(stream);
  }

  wantToSend(stream: Stream): void {
    this.#ready.add(stream);
    this.#writer.schedule();
  }

  consumed(stream: Stream, byteCount: number): void {
    stream.unconsumedBytes -= byteCount;
    stream.untoldBytes += byteCount;
    this.#giveWindow(byteCount);
    if (stream.isReceived || stream.untoldBytes < streamWindowBytes / 2) return;
    stream.receiveWindow += stream.untoldBytes;
    this.#tellWindow(stream.id, stream.untoldBytes);
    stream.untoldBytes = 0;
  }

  reset(stream: Stream, errorCode: number): void {
    this.#sendReset(stream.id, errorCode);
    this.#close(stream);
  }

  #takeFrame(frame: Frame): void {
    if (this.#isOver) return;
    const { type } = frame;
    if (!this.#hasSettings && type !== frameType.settings) {
      throw new SessionFault("the first frame has no settings");
    }
    if (this.#block !== undefined && type !== frameType.continuation) {
      throw new SessionFault("a header block is interrupted");
    }
    if (this.#writer.waitingBytes > waitingBytesMax) {
      throw new SessionFault("the client reads nothing", code.calm);
    }
    switch (type) {
      case frameType.data:
        return this.#takeData(frame);
      case frameType.headers:
        return this.#takeHeaders(frame);
      case frameType.priority:
        return this.#takePriority(frame);
      case frameType.reset:
        return this.#takeReset(frame);
      case frameType.settings:
        return this.#takeSettings(frame);
      case frameType.pushPromise:
        throw new SessionFault("a client pushes nothing");
      case frameType.ping:
        return this.#takePing(frame);
      case frameType.goAway:
        expectLength(frame.payload.length >= 8);
        return expectSession(frame);
      case frameType.windowUpdate:
        return this.#takeWindow(frame);
      case frameType.continuation:
        return this.#takeContinuation(frame);
    }
  }

  #takeData(frame: Frame): void {
    const { streamId, flags } = frame;
    const byteCount = frame.payload.length;
    this.#expectUsed(streamId);
    this.#receiveWindow -= byteCount;
    if (this.#receiveWindow < 0) throw new SessionFault("more than the window", code.flowControl);
    const bytes = withoutPadding(frame);
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.isReceived) {
      this.#giveWindow(byteCount);
      this.#refuseClosed(streamId, stream);
      return;
    }
    stream.receiveWindow -= byteCount;
    stream.unconsumedBytes += byteCount;
    if (stream.missingBytes !== undefined) stream.missingBytes -= bytes.length;
    const isLast = (flags & flag.endStream) !== 0;
    if (stream.receiveWindow < 0) stream.reset(code.flowControl);
    else if (isLast ? (stream.missingBytes ?? 0) !== 0 : (stream.missingBytes ?? 0) < 0) {
      stream.reset(code.protocol);
    } else {
      if (bytes.length === 0 && !isLast) this.#countIdle();
      stream.consume(byteCount - bytes.length);
      this.#given.add(stream);
      if (bytes.length > 0) stream.taker?.data(bytes);
      if (isLast) this.#finishReceiving(stream);
    }
  }

  #takeHeaders(frame: Frame): void {
    const { streamId, flags } = frame;
    if (streamId % 2 === 0) throw new SessionFault("a client's streams have odd numbers");
    let block = withoutPadding(frame);
    if ((flags & flag.priority) !== 0) {
      expectLength(block.length >= 5);
      if ((block.readUInt32BE(0) & 0x7fffffff) === streamId) {
        throw new SessionFault("a stream depends on itself");
      }
      block = block.subarray(5);
    }
    this.#block = { streamId, flags, parts: [block] };
    if ((flags & flag.endHeaders) !== 0) this.#takeBlock();
  }

  #takeContinuation({ streamId, flags, payload }: Frame): void {
    if (this.#block?.streamId !== streamId) throw new SessionFault("no header block to continue");
    this.#block.parts.push(payload);
    if (this.#block.parts.length > blockFramesMax) {
      throw new SessionFault("a header block without end", code.calm);
    }
    if ((flags & flag.endHeaders) !== 0) this.#takeBlock();
  }

  #takeBlock(): void {
    const { streamId, flags, parts } = this.#block ?? { streamId: 0, flags: 0, parts: [] };
    const [first = Buffer.alloc(0)] = parts;
    this.#block = undefined;
    const fields = this.#headers.read(parts.length === 1 ? first : Buffer.concat(parts));
    const isLast = (flags & flag.endStream) !== 0;
    const known = this.#streams.get(streamId);
    if (known !== undefined && !known.isReceived) {
      // Trailers. They are not forwarded.
      const isComplete = isLast && (known.missingBytes ?? 0) === 0;
      if (!isComplete || fields?.some(({ name }) => name.startsWith(":")))
        known.reset(code.protocol);
      else {
        this.#given.add(known);
        this.#finishReceiving(known);
      }
      return;
    }
    if (streamId <= this.#lastStreamId) {
      this.#refuseClosed(streamId, known);
      return;
    }
    this.#lastStreamId = streamId;
    if (this.#isStopping || this.#streams.size >= concurrentStreamsMax) {
      this.#countIdle();
      this.#sendReset(streamId, code.refusedStream);
      return;
    }
    const head = readRequestHead(fields ?? unknownFields, !isLast);
    if (head === undefined) {
      this.#countIdle();
      this.#sendReset(streamId, code.protocol);
      return;
    }
    const windows = { send: this.#streamSendWindow, receive: streamWindowBytes };
    const stream = new Stream(streamId, head, windows, this);
    this.#streams.set(streamId, stream);
    stream.taker =
      fields === undefined ? this.#events.tooLarge(stream) : this.#events.request(stream);
    this.#given.add(stream);
  }

  #takePriority({ streamId, payload }: Frame): void {
    if (streamId === 0) throw new SessionFault("the session has no priority");
    if (payload.length !== 5) this.#resetAny(streamId, code.frameSize);
    else if ((payload.readUInt32BE(0) & 0x7fffffff) === streamId) {
      this.#resetAny(streamId, code.protocol);
    }
  }

  #takeReset({ streamId, payload }: Frame): void {
    expectLength(payload.length === 4);
    this.#expectUsed(streamId);
    this.#countIdle();
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#close(stream);
  }

  #takeSettings({ streamId, flags, payload }: Frame): void {
    expectSession({ streamId });
    if ((flags & flag.acknowledged) !== 0) {
      expectLength(payload.length === 0);
      return;
    }
    expectLength(payload.length % 6 === 0);
    const window = this.#streamSendWindow;
    for (let at = 0; at < payload.length; at += 6) {
      this.#takeSetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
    const difference = this.#streamSendWindow - window;
    for (const stream of this.#streams.values()) this.#widen(stream, difference);
    this.#writer.write(frameType.settings, flag.acknowledged, 0, "");
    if (!this.#hasSettings) this.#events.begun();
    this.#hasSettings = true;
  }

  #takeSetting(id: number, value: number): void {
    if (id === setting.headerTableSize) this.#isTableReset ||= value < tableBytesMax;
    else if (id === setting.enablePush && value > 1) throw new SessionFault("a setting is wrong");
    else if (id === setting.maxFrameSize && (value < frameBytesMax || value >= 2 ** 24)) {
      throw new SessionFault("a setting is wrong");
    } else if (id === setting.initialWindowSize) {
      if (value > windowBytesMax) throw new SessionFault("a window is too large", code.flowControl);
      this.#streamSendWindow = value;
    }
  }

  #takePing({ streamId, flags, payload }: Frame): void {
    expectSession({ streamId });
    expectLength(payload.length === 8);
    if ((flags & flag.acknowledged) !== 0) return;
    this.#writer.write(frameType.ping, flag.acknowledged, 0, payload.toString("latin1"));
  }

  #takeWindow({ streamId, payload }: Frame): void {
    expectLength(payload.length === 4);
    const byteCount = payload.readUInt32BE(0) & 0x7fffffff;
    if (streamId === 0) {
      if (byteCount === 0) throw new SessionFault("a window grows by nothing");
      this.#sendWindow += byteCount;
      if (this.#sendWindow > windowBytesMax) {
        throw new SessionFault("a window is too large", code.flowControl);
      }
      if (this.#ready.size > 0) this.#writer.schedule();
      return;
    }
    this.#expectUsed(streamId);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    if (byteCount === 0) stream.reset(code.protocol);
    else if (stream.sendWindow + byteCount > windowBytesMax) stream.reset(code.flowControl);
    else this.#widen(stream, byteCount);
  }

  #widen(stream: Stream, byteCount: number): void {
    stream.sendWindow += byteCount;
    if (stream.sendWindow > windowBytesMax) {
      throw new SessionFault("a window is too large", code.flowControl);
    }
    if (stream.isReady) this.wantToSend(stream);
  }

  /** Adds data to what is written, a frame of each stream in turn, as the windows allow. */
  #send(): void {
    while (this.#ready.size > 0 && this.#writer.canTake()) {
      for (const stream of this.#ready) {
        if (!stream.isReady || !this.#sendFrom(stream)) this.#ready.delete(stream);
        if (!this.#writer.canTake()) return;
      }
      if (this.#sendWindow <= 0) return;
    }
  }

  /** Returns false when the stream has nothing more to send for now. */
  #sendFrom(stream: Stream): boolean {
    const most = Math.min(frameBytesMax, this.#sendWindow);
    if (most <= 0 && !stream.isFinished) return true;
    let isEnd = false;
    this.#sendWindow -= stream.sendNext(most, (bytes, from, to, isLast) => {
      this.#writer.writeData(stream.id, bytes, from, to, isLast);
      isEnd = isLast;
    });
    if (isEnd) this.#finishSending(stream);
    return stream.isReady;
  }

  #finishSending(stream: Stream): void {
    stream.isSent = true;
    if (stream.isReceived) this.#close(stream);
  }

  #finishReceiving(stream: Stream): void {
    stream.isReceived = true;
    stream.taker?.received();
    if (stream.isSent) this.#close(stream);
  }

  #close(stream: Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#ready.delete(stream);
    this.#giveWindow(stream.unconsumedBytes);
    stream.close();
    if (this.#isStopping && this.#streams.size === 0) this.#leave();
  }

  #giveWindow(byteCount: number): void {
    this.#untoldBytes += byteCount;
    if (this.#untoldBytes < sessionWindowBytes / 2) return;
    this.#receiveWindow += this.#untoldBytes;
    this.#tellWindow(0, this.#untoldBytes);
    this.#untoldBytes = 0;
  }

  #tellWindow(streamId: number, byteCount: number): void {
    this.#writer.write(frameType.windowUpdate, 0, streamId, printNumber(byteCount));
  }

  #sendReset(streamId: number, errorCode: number): void {
    this.#writer.write(frameType.reset, 0, streamId, printNumber(errorCode));
  }

  #sendGoAway(errorCode: number): void {
    const payload = printNumber(this.#lastStreamId) + printNumber(errorCode);
    this.#writer.write(frameType.goAway, 0, 0, payload);
  }

  #resetAny(streamId: number, errorCode: number): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) stream.reset(errorCode);
    else {
      this.#countIdle();
      this.#sendReset(streamId, errorCode);
    }
  }

  #refuseClosed(streamId: number, stream: Stream | undefined): void {
    if (stream === undefined) this.#countIdle();
    this.#resetAny(streamId, code.streamClosed);
  }

  /** Throws if the client has not opened the stream. */
  #expectUsed(streamId: number): void {
    if (streamId === 0 || streamId % 2 === 0 || streamId > this.#lastStreamId) {
      throw new SessionFault("a frame of a stream that is not open");
    }
  }

  #countIdle(): void {
    const nowMs = performance.now();
    const since = ((nowMs - this.#idleSinceMs) / 1000) * idleFramesPerSecond;
    this.#idleFrames = Math.max(0, this.#idleFrames - since) + 1;
    this.#idleSinceMs = nowMs;
    if (this.#idleFrames > idleFramesMax) throw new SessionFault("work without end", code.calm);
  }

  #fail(errorCode: number): void {
    this.#sendGoAway(errorCode);
    this.#leave();
  }

  #leave(): void {
    this.#send();
    this.#writer.flush();
    this.destroy();
    this.#events.left();
  }
}

/** Stand in for those that were too large to keep. */
const unknownFields = [
  { name: ":method", value: "GET" },
  { name: ":scheme", value: "http" },
  { name: ":path", value: "/" },
];

function withoutPadding({ flags, payload }: Frame): Buffer {
  if ((flags & flag.padded) === 0) return payload;
  const padding = payload[0];
  if (padding === undefined) throw new SessionFault("a length is wrong", code.frameSize);
  if (padding >= payload.length) throw new SessionFault("more padding than frame");
  return payload.subarray(1, payload.length - padding);
}

function expectLength(isRight: boolean): void {
  if (!isRight) throw new SessionFault("a length is wrong", code.frameSize);
}

function expectSession({ streamId }: { streamId: number }): void {
  if (streamId !== 0) throw new SessionFault("a frame of the session names a stream");
}

function printSetting(id: number, value: number): string {
  return String.fromCharCode(id >> 8, id & 255) + printNumber(value);
}

function printNumber(value: number): string {
  return String.fromCharCode(
    (value >>> 24) & 255,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  );
}
