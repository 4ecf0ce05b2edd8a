// Sealed segments in a bucket behind S3's HTTP API, for a cluster: the third kind of bucket, after R2
// and a folder of files. Requests are signed with SigV4 and leave through a binding that reaches the
// bucket's endpoint alone. A put is durable when it is answered, so there is no `sync`. Source:
// Amazon S3 API reference, PutObject, GetObject, DeleteObjects, ListObjectsV2.
import { AwsV4Signer } from "aws4fetch";
import type { SegmentBucket } from "../worker/core/segmentBucket.ts";

/** Where the bucket is and who asks; the JSON of the variable MILLRACE_S3. */
export interface S3Settings {
  /** `https://host[:port]`; the bucket is the first part of the path. */
  endpoint: string;
  region: string;
  bucket: string;
  /** Of every key; empty, or with a slash at the end. */
  prefix: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** How long one request may take. */
const requestMsMax = 30_000;

export class S3Bucket implements SegmentBucket {
  readonly #settings: S3Settings;
  readonly #network: Pick<Fetcher, "fetch">;

  constructor(settings: S3Settings, network: Pick<Fetcher, "fetch">) {
    this.#settings = settings;
    this.#network = network;
  }

  /** With `onlyIf` an existing object stays as it is; no other condition is supported. */
  async put(key: string, body: Uint8Array, options?: { onlyIf?: object }): Promise<void> {
    const headers = options?.onlyIf === undefined ? {} : { "if-none-match": "*" };
    const reply = await this.#call("PUT", this.#object(key), { headers, body });
    // It exists: what an interrupted put has left, or another's of the same bytes.
    if (reply.status === 412 && options?.onlyIf !== undefined) return;
    if (!reply.ok) throw failureOf(reply, `putting ${key}`);
  }

  async get(key: string): Promise<Response | null> {
    const reply = await this.#call("GET", this.#object(key));
    if (reply.ok) return new Response(reply.body);
    if (reply.status !== 404) throw failureOf(reply, `getting ${key}`);
    return null;
  }

  /** A key that does not exist counts as deleted. */
  async delete(keys: string | string[]): Promise<void> {
    if (typeof keys === "string") {
      const reply = await this.#call("DELETE", this.#object(keys));
      if (!reply.ok && reply.status !== 404) throw failureOf(reply, `deleting ${keys}`);
      return;
    }
    if (keys.length === 0) return;
    const { prefix } = this.#settings;
    const objects = keys.map((key) => `<Object><Key>${escapeXml(prefix + key)}</Key></Object>`);
    const body = new TextEncoder().encode(
      `<Delete><Quiet>true</Quiet>${objects.join("")}</Delete>`,
    );
    const digest = new Uint8Array(await crypto.subtle.digest("MD5", body));
    const headers = {
      "content-type": "application/xml",
      "content-md5": btoa(String.fromCharCode(...digest)),
    };
    const reply = await this.#call("POST", `${this.#bucket()}?delete=`, { headers, body });
    if (!reply.ok) throw failureOf(reply, `deleting ${keys.length} objects`);
    const text = textOf(reply);
    if (text.includes("<Error>")) throw new Error(`deleting objects: ${text.slice(0, 300)}`);
  }

  /** A page of the objects with the prefix, in the order of keys. */
  async list({ prefix }: { prefix: string }) {
    const query = `list-type=2&prefix=${encodeURIComponent(this.#settings.prefix + prefix)}`;
    const reply = await this.#call("GET", `${this.#bucket()}?${query}`);
    if (!reply.ok) throw failureOf(reply, `listing ${prefix}`);
    const text = textOf(reply);
    const from = this.#settings.prefix.length;
    const keys = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)];
    return {
      objects: keys.map(([, key = ""]) => ({ key: unescapeXml(key).slice(from) })),
      truncated: text.includes("<IsTruncated>true</IsTruncated>"),
    };
  }

  #bucket(): string {
    const { endpoint, bucket } = this.#settings;
    return `${endpoint}/${bucket}`;
  }

  #object(key: string): string {
    return `${this.#bucket()}/${this.#settings.prefix}${key}`;
  }

  async #call(
    method: string,
    url: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: Uint8Array } = {},
  ): Promise<Reply> {
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.#settings;
    const signer = new AwsV4Signer({
      method,
      url,
      headers,
      service: "s3",
      region,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      ...(body !== undefined && { body }),
    });
    const signed = await signer.sign();
    const giveUp = new AbortController();
    // Not AbortSignal.timeout: an object with a timer that runs on is handed over seconds later.
    const timer = setTimeout(() => giveUp.abort(new Error(`no answer to ${method}`)), requestMsMax);
    try {
      const reply = await this.#network.fetch(signed.url.toString(), {
        method,
        headers: signed.headers,
        body: body ?? null,
        signal: giveUp.signal,
      });
      const { ok, status } = reply;
      return { ok, status, body: await reply.arrayBuffer() };
    } finally {
      clearTimeout(timer);
    }
  }
}

interface Reply {
  ok: boolean;
  status: number;
  body: ArrayBuffer;
}

function failureOf(reply: Reply, what: string): Error {
  return new Error(`${what}: ${reply.status} ${textOf(reply).slice(0, 300)}`);
}

function textOf({ body }: Reply): string {
  return new TextDecoder().decode(body);
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function unescapeXml(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
