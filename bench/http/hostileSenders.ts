// How hostile requests travel: over HTTP/1.1, over HTTP/2, or over HTTP/2 inside TLS.

import { Agent, request as sendHttp } from "node:http";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import type { Address } from "../tools/wire.ts";
import type { HostileRequest } from "./hostileRequests.ts";

export type Sent = Pick<HostileRequest, "method" | "path" | "headers" | "body">;

export interface Answer {
  /** 0 if HTTP/2 has ended the stream, because the request was no HTTP. */
  status: number;
  text: string;
}

export interface Sender {
  send(request: Sent): Promise<Answer>;
  close(): void;
}

/** Time after which a reply counts as missing. */
const patienceMs = 60_000;

/** Sessions that one request may see the end of. */
const attemptsMax = 5;

/** A reply that does not end by itself. */
const endless = "text/event-stream";

export class Http1Sender implements Sender {
  private readonly address: Address;
  private readonly agent = new Agent({ keepAlive: true });

  constructor(address: Address) {
    this.address = address;
  }

  send(request: Sent): Promise<Answer> {
    return this.sendBy(this.agent, request);
  }

  close(): void {
    this.agent.destroy();
  }

  /**
   * The server may close an idle connection at the moment when it is used again. That is no fault of
   * either side (RFC 9112, section 9.3.1). The request is then sent once more, on its own connection.
   */
  private sendBy(agent: Agent | false, { method, path, headers, body }: Sent): Promise<Answer> {
    const { host, port } = this.address;
    return new Promise((done, fail) => {
      const length = { "content-length": String(body.length) };
      const options = { host, port, agent, method, path, headers: { ...headers, ...length } };
      const sent = sendHttp({ ...options, timeout: patienceMs }, (reply) => {
        const parts: Buffer[] = [];
        const answer = () => ({
          status: reply.statusCode ?? 0,
          text: Buffer.concat(parts).toString(),
        });
        reply.on("data", (part: Buffer) => parts.push(part));
        reply.on("error", fail);
        reply.on("end", () => done(answer()));
        if (reply.headers["content-type"] !== endless) return;
        done(answer());
        sent.destroy();
      });
      sent.on("timeout", () => sent.destroy(new Error(`no reply in ${patienceMs} ms`)));
      sent.on("error", (error: NodeJS.ErrnoException) => {
        if (!sent.reusedSocket || error.code !== "ECONNRESET") fail(error);
        else this.sendBy(false, { method, path, headers, body }).then(done, fail);
      });
      sent.end(body);
    });
  }
}

/** One session, and another one when the server has had enough of it. */
export class Http2Sender implements Sender {
  private readonly origin: string;
  private session: ClientHttp2Session | undefined;

  constructor({ host, port }: Address, scheme: "http" | "https") {
    this.origin = `${scheme}://${host}:${port}`;
  }

  async send(request: Sent): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const session = this.open();
      try {
        return await sendOver(session, request);
      } catch (error) {
        // The server ends a session after some frames that are not valid, with all of its streams. They
        // may hear of it before the session does.
        const isCalmed = String(error).includes("ENHANCE_YOUR_CALM");
        const isOver = session.closed || session.destroyed || isCalmed;
        if (!isOver || attempt === attemptsMax) throw error;
        if (isCalmed) session.close();
      }
    }
  }

  close(): void {
    this.session?.destroy();
  }

  private open(): ClientHttp2Session {
    const { session: known } = this;
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const session = connect(this.origin, { rejectUnauthorized: false });
    session.on("error", () => {});
    session.on("goaway", () => session.close());
    this.session = session;
    return session;
  }
}

/** HTTP/2 has no reply for a request that is no HTTP: its stream ends. */
const malformed: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_REFUSED_STREAM,
]);

function sendOver(
  session: ClientHttp2Session,
  { method, path, headers, body }: Sent,
): Promise<Answer> {
  return new Promise((done, fail) => {
    const pseudo = { ":method": method, ":path": path };
    const stream = session.request({ ...headers, ...pseudo }, { endStream: body.length === 0 });
    const parts: Buffer[] = [];
    let status = 0;
    stream.setTimeout(patienceMs, () => {
      stream.destroy(new Error(`no reply in ${patienceMs} ms`));
    });
    stream.on("response", (reply) => {
      status = reply[":status"] ?? 0;
      if (reply["content-type"] === endless) stream.close();
    });
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("error", (error) => {
      if (session.destroyed || !malformed.has(stream.rstCode ?? 0)) fail(error);
    });
    stream.on("close", () => {
      if (status === 0 && !malformed.has(stream.rstCode ?? 0)) fail(new Error("no reply"));
      else done({ status, text: Buffer.concat(parts).toString() });
    });
    if (body.length > 0) stream.end(body);
  });
}
