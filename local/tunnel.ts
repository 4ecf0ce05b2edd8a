/**
 * Joins an HTTP/1.1 connection of a client to a connection of its own to workerd. After the framer
 * has checked a head, bytes pass unchanged in both directions, half-closed connections included. Only
 * an order of a page is replaced by the page, and the body of a large put by its manifest. Small
 * calls and manifests go by the WebSocket of all connections (gatheringConnection.ts). A client that
 * does not finish a request is given up. For a head it gets a 408. A body is ended towards workerd
 * too, so that the Worker answers in the dialect's form.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Collection, Counted, RequestHead } from "./collection.ts";
import { type Phase, RequestFramer } from "./framing.ts";
import type { Gatherer } from "./gatherer.ts";
import { GatheringConnection } from "./gatheringConnection.ts";
import { KeptConnection, type KeptRequest } from "./keptConnection.ts";
import { type OrderedPage, OrderFilter, pageHead } from "./orderFilter.ts";
import { type Patience, type Stop, watchProgress } from "./patience.ts";
import { type PlainStatus, printPlainReply } from "./plainReply.ts";
import type { ReplyHead } from "./replyReader.ts";
import {
  type Upstream,
  absenceOf,
  connectUpstream,
  headBytesMax,
  lingerMs,
  lingerMsMax,
  writeParts,
} from "./upstream.ts";

/** For each connection; workerd sends a page in pieces of this (worker/http/reply.ts). */
const replyBufferBytes = 256 << 10;

/** What a client still has to send. */
export type Debt = "head" | "body";

export interface TunnelOptions {
  upstream: Upstream;
  patience: Patience;
  /** False if the process may end while the connection is open. */
  keepsProcess: boolean;
  isStopping: () => boolean;
  /** Called when the client begins to owe the rest of a request, and when it has sent it. */
  owes: (what: Debt | undefined) => void;
}

/** Returns what is to be called when no more requests are served: then the connection ends when it is idle. */
export function openTunnel(client: Socket, options: TunnelOptions): () => void {
  const tunnel = new Tunnel(client, options);
  client.on("data", (bytes: Buffer) => tunnel.take(bytes));
  client.once("end", () => tunnel.endUpstream());
  client.once("close", (hadError) => tunnel.close(hadError));
  return () => tunnel.endIdle();
}

class Tunnel {
  readonly #client: Socket;
  readonly #options: TunnelOptions;
  readonly #framer: RequestFramer;
  readonly #replies: OrderFilter;
  /** Undefined if all requests pass as they come. */
  readonly #puts: KeptConnection | undefined;
  /** Undefined if all calls pass as they come. */
  readonly #calls: GatheringConnection | undefined;
  /** Ends a client that is idle and has no connection to workerd, which would end it. */
  #idleTimer: NodeJS.Timeout | undefined;
  /** Ends the connection to workerd that lies idle. */
  #spareTimer: NodeJS.Timeout | undefined;
  /** True after a request with which the client wants the connection to end. */
  #isLast = false;
  /** True after a reply that came before its request had ended: the rest of that must not come behind a call. */
  #isEarly = false;
  /** When the last bytes came by the connection to workerd. */
  #servedMs = 0;
  /** The client has ended its side while its call waits. */
  #hasEnded = false;
  /** What counts of requests that were kept back, of which the parts are passed on now. */
  #passing: Counted[] = [];
  /** Puts that were kept back and passed on. Their replies may be on their way. */
  #passed: KeptRequest[] = [];
  /** Undefined before the first head. */
  #server: Socket | undefined;
  #phase: Phase | "silent" | "over" = "silent";
  #stopWatch: Stop;
  /** True while the client has not taken what it was given. */
  #isWaiting = false;
  /** True while a page is sent that the Worker has ordered. */
  #isPrinting = false;
  /** Sent after everything that workerd sends. */
  #farewell = "";

  constructor(client: Socket, options: TunnelOptions) {
    this.#client = client;
    this.#options = options;
    this.#replies = new OrderFilter(headBytesMax, (bytes) => this.#give(bytes));
    this.#framer = new RequestFramer(headBytesMax, {
      isSecure: client instanceof TLSSocket,
      begun: (head) => this.#begin(head),
    });
    const { puts, gatherer } = options.upstream;
    this.#puts = puts && new KeptConnection(puts);
    this.#calls = gatherer && this.#gather(gatherer);
    this.#stopWatch = this.#watchHead();
  }

  take(bytes: Buffer): void {
    if (this.#phase === "over") return;
    this.#pass(this.#framer.take(bytes));
    const { fault, phase } = this.#framer;
    if (fault === undefined) this.#enter(phase);
    else this.#refuse(fault.status, fault.message);
  }

  endUpstream(): void {
    this.#release();
    if (this.#calls?.isWaiting === true) {
      this.#hasEnded = true;
      return;
    }
    if (this.#server !== undefined) this.#server.end();
    else if (this.#phase === "silent") this.#client.destroy();
    else this.#client.destroySoon();
  }

  /** Ends the connection if nothing is under way, and workerd has no part in it. */
  endIdle(): void {
    if (this.#server !== undefined || !this.#isIdle) return;
    this.#leave();
    this.#endClient();
  }

  close(hadError: boolean): void {
    this.#leave();
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#spareTimer);
    this.#calls?.close();
    if (hadError) this.#server?.resetAndDestroy();
    else this.#server?.destroy();
  }

  #begin(head: RequestHead): Collection | undefined {
    this.#isLast ||= head.isLast;
    const kept = this.#puts?.collect(head, () => this.#release());
    if (kept === undefined) {
      const gathered = this.#isFree ? this.#calls?.collect(head) : undefined;
      if (gathered === undefined) this.#replies.expect(head.method);
      return gathered;
    }
    const calls = this.#isFree ? this.#calls : undefined;
    return {
      grow: (bytes) => kept.grow(bytes),
      finish: (sent, body) => {
        this.#replies.expect(head.method);
        this.#passed.push(kept);
        const [its = sent, ...parts] = kept.finish(sent, body);
        // A body is too large for the WebSocket. Of a manifest nothing counts here.
        if (kept.isManifest && calls !== undefined) {
          return calls.send(head, its, parts, () => kept.settle());
        }
        this.#passing.push(kept);
        return [its, ...parts];
      },
      abandon: () => {
        this.#replies.expect(head.method);
        this.#passing.push(kept);
        kept.abandon();
      },
    };
  }

  /** True if the next reply may come in another way than those before it. */
  get #isFree(): boolean {
    const isAnswered = this.#replies.isIdle && !this.#isPrinting && !this.#isWaiting;
    const goesOn = !this.#isLast && !this.#isEarly && !this.#options.isStopping();
    return isAnswered && goesOn && this.#passing.length === 0;
  }

  #gather(gatherer: Gatherer): GatheringConnection {
    return new GatheringConnection(gatherer, {
      expect: (method) => this.#replies.expect(method),
      passes: (call) => this.#passing.push(call),
      pass: (parts) => {
        this.#client.resume();
        this.#pass(parts);
        if (this.#farewell !== "") this.#sayFarewell();
        else if (this.#hasEnded) this.endUpstream();
        else if (this.#options.isStopping()) this.endIdle();
        else this.#watchIdle();
      },
      take: (reply) => {
        this.#takeReplies(reply);
        if (!this.#isPrinting) this.#calls?.goOn();
      },
      lose: () => this.#lose(),
      release: () => this.#release(),
    });
  }

  /** There is no reply to a call. Nothing that comes after it is answered either. */
  #lose(): void {
    this.#settle();
    const absence = this.#absence();
    if (absence === "" || this.#client.destroyed) breakOff(this.#client);
    else {
      this.#client.write(absence);
      this.#leave();
      this.#endClient();
    }
  }

  #watchIdle(): void {
    this.#idleTimer ??= setTimeout(() => this.endIdle(), this.#options.patience.idleMs).unref();
    this.#idleTimer.refresh();
    this.#dropSpare();
  }

  /** Ends the connection to workerd once it has lain idle for a while. The client gets another one when it needs it. */
  #dropSpare(): void {
    const server = this.#server;
    const { spareMs } = this.#options.patience;
    if (server === undefined || this.#isLast) return;
    if (this.#isIdle && performance.now() - this.#servedMs >= spareMs) {
      this.#server = undefined;
      server.destroy();
      return;
    }
    this.#spareTimer ??= setTimeout(() => {
      this.#spareTimer = undefined;
      this.#dropSpare();
    }, spareMs).unref();
  }

  /** Keeps nothing back any more of the request that comes. */
  #release(): void {
    this.#pass(this.#framer.release());
  }

  #pass(parts: Buffer[]): void {
    if (parts.length === 0) return;
    if (this.#calls?.hold(parts) === true) {
      this.#client.pause();
      return;
    }
    this.#server ??= this.#connect();
    const passing = this.#passing.splice(0);
    const written = passing.length === 0 ? undefined : () => free(passing);
    if (writeParts(this.#server, parts, written)) return;
    this.#client.pause();
    this.#server.once("drain", () => this.#client.resume());
  }

  #connect(): Socket {
    const client = this.#client;
    // Pages are large. One reused buffer avoids garbage at the rate of the network. The buffer is
    // free again when the kernel has taken the bytes, mostly at once.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(replyBufferBytes),
      callback: (byteCount: number, buffer: Uint8Array): boolean =>
        this.#takeServed(Buffer.from(buffer.buffer, buffer.byteOffset, byteCount)),
    };
    const server = connectUpstream(this.#options.upstream, { allowHalfOpen: true, onread });
    if (!this.#options.keepsProcess) server.unref();
    server.once("end", () => {
      if (this.#forgets(server)) return;
      client.end(this.#farewell === "" ? this.#absence() : this.#farewell);
    });
    server.once("error", () => {
      if (!this.#forgets(server)) this.#giveUp(this.#absence());
    });
    server.once("close", () => {
      if (this.#forgets(server)) return;
      this.#leave();
      this.#endClient();
    });
    return server;
  }

  /**
   * True if the client is not concerned by the end of a connection to workerd, which closes one that is idle: the request
   * that is kept back gets another one, and a call that waits needs none.
   */
  #forgets(server: Socket): boolean {
    const isBetween = this.#framer.isCollecting && this.#replies.isIdle;
    const isSpare = this.#calls?.isWaiting === true || isBetween;
    if (this.#server === server && !isSpare) return false;
    if (this.#server === server) {
      this.#server = undefined;
      server.destroy();
      this.#client.resume();
    }
    return true;
  }

  /** True while nothing is under way on this connection. */
  get #isIdle(): boolean {
    return this.#phase === "nothing" && this.#replies.isIdle && !this.#isPrinting;
  }

  #endClient(): void {
    if (this.#options.isStopping()) this.#client.destroySoon();
    else linger(this.#client);
  }

  #giveUp(absence: string): void {
    const client = this.#client;
    if (absence === "" || client.destroyed) breakOff(client);
    else client.end(absence);
  }

  /** The reply to a request that workerd has left without one; empty if there is none. */
  #absence(): string {
    if (!this.#replies.isAwaited || this.#isPrinting) return "";
    const { status, body } = absenceOf(this.#options.upstream);
    return printPlainReply(status, body);
  }

  /** What has come by the connection to workerd; as #takeReplies. */
  #takeServed(bytes: Buffer): boolean {
    this.#servedMs = performance.now();
    const goesOn = this.#takeReplies(bytes);
    this.#calls?.note(bytes.length, this.#replies.isIdle);
    return goesOn;
  }

  /** Returns false if nothing more may be read for now. */
  #takeReplies(bytes: Buffer): boolean {
    const ordered = this.#replies.take(bytes);
    if (this.#replies.isIdle) {
      this.#settle();
      this.#isEarly ||= this.#framer.phase === "body" && !this.#framer.isCollecting;
    }
    if (ordered === undefined) return !this.#isWaiting;
    this.#isPrinting = true;
    // The bytes are only good until this returns.
    const rest = Buffer.from(ordered.rest);
    void this.#sendPage(ordered.page).then(() => {
      this.#isPrinting = false;
      if (rest.length > 0) this.#takeServed(rest);
      if (this.#calls?.isWaiting === true) this.#calls.goOn();
      if (!this.#isWaiting && !this.#isPrinting) this.#server?.resume();
    });
    return false;
  }

  /** Nobody waits for the replies to puts any more. */
  #settle(): void {
    for (const kept of this.#passed.splice(0)) kept.settle();
  }

  #give(bytes: Buffer): void {
    this.#client.write(bytes, () => this.#goOn());
    this.#isWaiting = this.#client.writableLength > 0;
  }

  #goOn(): void {
    if (this.#isWaiting && !this.#isPrinting) this.#server?.resume();
    this.#isWaiting = false;
  }

  async #sendPage({ head, order }: OrderedPage): Promise<void> {
    const client = this.#client;
    let before = "";
    await this.#options.upstream.pages?.send(order, {
      begin(length, headers) {
        before = printReplyHead(pageHead(head, length, headers));
      },
      write(bytes, left) {
        client.cork();
        if (before !== "") client.write(before, "latin1");
        client.write(bytes, () => left());
        client.uncork();
        before = "";
      },
      end() {},
      breakOff: () => breakOff(client),
    });
  }

  #enter(phase: Phase): void {
    if (this.#phase === phase) return;
    this.#stopWatch();
    this.#phase = phase;
    this.#options.owes(phase === "head" || phase === "body" ? phase : undefined);
    if (phase === "head") this.#stopWatch = this.#watchHead();
    else if (phase === "body") this.#stopWatch = this.#watchBody();
    else this.#stopWatch = () => {};
  }

  #leave(): void {
    this.#stopWatch();
    this.#framer.release();
    free(this.#passing.splice(0));
    this.#phase = "over";
  }

  #watchHead(): Stop {
    const timer = setTimeout(() => {
      if (this.#phase === "silent") this.#client.destroy();
      // The client is not read while its call waits.
      else if (this.#calls?.isWaiting === true) this.#stopWatch = this.#watchHead();
      else this.#refuse(408, "the head of the request did not come whole in time");
    }, this.#options.patience.headMs);
    return () => clearTimeout(timer.unref());
  }

  #watchBody(): Stop {
    const { bodySilenceMs: silenceMs, bodyMs: totalMs } = this.#options.patience;
    const client = this.#client;
    // A slow Worker also stops the progress of its client. That is not the client's fault.
    const progress = () => client.bytesRead + (client.isPaused() ? performance.now() : 0);
    return watchProgress({ silenceMs, totalMs }, progress, () => {
      this.#release();
      this.#leave();
      this.#server?.end();
      client.resume();
      setTimeout(() => client.destroy(), lingerMs).unref();
    });
  }

  /** Reads no more requests; those already read are answered first. */
  #refuse(status: PlainStatus, reason: string): void {
    this.#leave();
    this.#farewell = printPlainReply(status, reason);
    if (this.#calls?.isWaiting !== true) this.#sayFarewell();
  }

  #sayFarewell(): void {
    if (this.#server !== undefined) this.#server.end();
    else {
      this.#client.end(this.#farewell);
      linger(this.#client);
    }
  }
}

function free(requests: readonly Counted[]): void {
  for (const request of requests) request.free();
}

function printReplyHead({ status, headers }: ReplyHead): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}\r\n`;
}

/** Closing a connection with unread bytes would reset it, and the client could lose its reply. */
export function linger(client: Socket): void {
  if (client.destroyed) return;
  client.resume();
  client.end();
  const bounds = { silenceMs: lingerMs, totalMs: lingerMsMax };
  const stop = watchProgress(
    bounds,
    () => client.bytesRead,
    () => client.destroy(),
  );
  client.once("close", stop);
}

/** So that the client does not take what it got for the whole reply. TLS itself tells that. */
function breakOff(client: Socket): void {
  if (client instanceof TLSSocket) client.destroy();
  else client.resetAndDestroy();
}
