// Requests whose body the front of the local server keeps (engine/putManifest.ts). Such a request arrives with a
// manifest. It goes on as the request that the client has sent: with that one's length, and with its body, which is
// asked from the front if somebody reads it. Whoever knows what to do with the manifest need not read it.
import { manifestHeader, type PutManifest } from "../engine/putManifest.ts";
import { StreamError } from "../errors.ts";
import type { GatheredRequest } from "./gathered.ts";
import type { HeaderSet, Incoming } from "./incoming.ts";

const manifests = new WeakMap<Incoming, PutManifest>();

/** What the front says of the request; undefined if it has sent the body. */
export function manifestOf(request: Incoming): PutManifest | undefined {
  return manifests.get(request);
}

/** The request that the client has sent. `secret` is what only the front knows. */
export async function openKept(
  request: Request,
  front: Pick<Fetcher, "fetch">,
  secret: string,
): Promise<Request> {
  if (request.headers.get(manifestHeader) !== secret) return request;
  const manifest = await request.json<PutManifest>();
  const headers = new Headers(request.headers);
  headers.delete(manifestHeader);
  headers.set("content-length", String(manifest.bodyBytes));
  const { url, method } = request;
  const sent = new Request(url, { method, headers, body: new KeptBody(manifest, front).open() });
  manifests.set(sent, manifest);
  return sent;
}

/** The same of a call of the front's WebSocket (gathered.ts). */
export function openKeptCall(
  call: GatheredRequest,
  front: Pick<Fetcher, "fetch">,
  secret: string,
): Incoming {
  if (call.headers.get(manifestHeader) !== secret) return call;
  const manifest: PutManifest = JSON.parse(textOf(call.whole));
  const sent = new KeptCall(call, manifest, front);
  manifests.set(sent, manifest);
  return sent;
}

const textDecoder = new TextDecoder();

function textOf(bytes: Uint8Array): string {
  return textDecoder.decode(bytes);
}

class KeptCall implements Incoming {
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderSet;
  private readonly kept: KeptBody;
  private stream: ReadableStream<Uint8Array> | undefined;

  constructor(call: GatheredRequest, manifest: PutManifest, front: Pick<Fetcher, "fetch">) {
    const { method, url, headers } = call;
    const length = String(manifest.bodyBytes);
    this.method = method;
    this.url = url;
    this.headers = {
      has: (name) => headers.has(name),
      get: (name) => (name.toLowerCase() === "content-length" ? length : headers.get(name)),
    };
    this.kept = new KeptBody(manifest, front);
  }

  get body(): ReadableStream<Uint8Array> {
    return (this.stream ??= this.kept.open());
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return new Response(this.body).arrayBuffer();
  }

  /** The WebSocket stays: with a request, the platform would end what that has asked for. */
  release(): void {
    this.kept.end();
  }
}

/** The body, asked for when it is read. The client has sent all of it: what fails here is not its fault. */
class KeptBody {
  private readonly id: string;
  private readonly front: Pick<Fetcher, "fetch">;
  private reader: Promise<ReadableStreamDefaultReader<Uint8Array>> | undefined;

  constructor({ id }: PutManifest, front: Pick<Fetcher, "fetch">) {
    this.id = id;
    this.front = front;
  }

  open(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        const { value, done } = await orOverloaded(async () => {
          this.reader ??= ask(this.id, this.front);
          return (await this.reader).read();
        });
        if (done) {
          controller.close();
          controller.byobRequest?.respond(0);
        } else controller.enqueue(value);
      },
      cancel: () => this.end(),
    });
  }

  /** Whatever of it has not been read stays where it is. */
  end(): void {
    this.reader?.then((reader) => reader.cancel()).catch(() => undefined);
  }
}

async function ask(
  id: string,
  front: Pick<Fetcher, "fetch">,
): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const reply = await front.fetch(`http://front/body/${id}`);
  // The front keeps it only for a while.
  if (!reply.ok || reply.body === null) throw new Error(await reply.text());
  return reply.body.getReader();
}

/** The client may try again. */
async function orOverloaded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    console.error("the front has no body", error);
    throw new StreamError("overloaded");
  }
}
