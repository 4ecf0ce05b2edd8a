/**
 * A server that speaks the part of S3's HTTP API which workerd's cluster and the bucket of segments
 * need: objects with conditional writes, listings, deletion of many. It keeps everything in memory,
 * checks no signature, and counts what is asked. Sources: Amazon S3 API reference, PutObject,
 * GetObject, DeleteObjects, ListObjectsV2.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

interface StoredObject {
  body: Buffer;
  etag: string;
  modifiedMs: number;
}

export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  endpoint: string;
  /** Objects by `bucket/key`. */
  objects: Map<string, StoredObject>;
  /** Requests so far by method and kind, such as `PUT object`. */
  counts: Map<string, number>;
  /** While true, nothing is answered; what waits is answered afterwards. */
  isStopped: boolean;
  /** Resumes after `isStopped`. */
  resume(): void;
  /** Set to refuse or ignore conditional writes, as lesser servers do. */
  conditions: "kept" | "ignored" | "refused";
}

export async function startS3(): Promise<S3Server> {
  const objects = new Map<string, StoredObject>();
  const counts = new Map<string, number>();
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    const run = () => {
      serve(request, response, state).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    };
    if (state.isStopped) waiting.push(run);
    else run();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const state: S3Server = {
    endpoint: `http://127.0.0.1:${port}`,
    objects,
    counts,
    isStopped: false,
    conditions: "kept",
    resume() {
      state.isStopped = false;
      for (const run of waiting.splice(0)) run();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
  return state;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  state: S3Server,
): Promise<void> {
  const { method = "GET", url = "/" } = request;
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part as Uint8Array);
  const body = Buffer.concat(parts);
  const { pathname, searchParams } = new URL(url, "http://s3");
  const path = decodeURIComponent(pathname.slice(1));
  const isBucket = !path.replace(/\/$/, "").includes("/");
  const kind = `${method} ${isBucket ? "bucket" : "object"}`;
  state.counts.set(kind, (state.counts.get(kind) ?? 0) + 1);
  if (isBucket && method === "POST")
    return deleteMany(path.replace(/\/$/, ""), body, response, state);
  if (isBucket) return list(path.replace(/\/$/, ""), searchParams, response, state);
  switch (method) {
    case "PUT":
      return put(path, body, request, response, state);
    case "GET":
    case "HEAD":
      return get(path, method, request, response, state);
    case "DELETE":
      state.objects.delete(path);
      return void response.writeHead(204).end();
    default:
      return void response.writeHead(405).end();
  }
}

function put(
  path: string,
  body: Buffer,
  { headers }: IncomingMessage,
  response: ServerResponse,
  { objects, conditions }: S3Server,
): void {
  const stored = objects.get(path);
  const wanted = headers["if-match"];
  const unwanted = headers["if-none-match"];
  if (conditions === "refused" && (wanted ?? unwanted) !== undefined) {
    return fail(response, 501, "NotImplemented");
  }
  if (conditions === "kept") {
    if (unwanted === "*" && stored !== undefined) return fail(response, 412, "PreconditionFailed");
    if (wanted !== undefined && stored === undefined) return fail(response, 404, "NoSuchKey");
    if (wanted !== undefined && stored?.etag !== wanted) {
      return fail(response, 412, "PreconditionFailed");
    }
  }
  const etag = `"${createHash("md5").update(body).digest("hex")}"`;
  objects.set(path, { body, etag, modifiedMs: Date.now() });
  response.writeHead(200, { etag }).end();
}

function get(
  path: string,
  method: string,
  { headers }: IncomingMessage,
  response: ServerResponse,
  { objects }: S3Server,
): void {
  const stored = objects.get(path);
  if (stored === undefined) return fail(response, 404, "NoSuchKey");
  const { body, etag, modifiedMs } = stored;
  const about = { etag, "last-modified": new Date(modifiedMs).toUTCString() };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  if (from === undefined) {
    response.writeHead(200, { ...about, "content-length": body.length });
    return void response.end(method === "HEAD" ? undefined : body);
  }
  const end =
    to === "" || to === undefined ? body.length - 1 : Math.min(Number(to), body.length - 1);
  const part = body.subarray(Number(from), end + 1);
  const range = `bytes ${from}-${end}/${body.length}`;
  response.writeHead(206, { ...about, "content-range": range, "content-length": part.length });
  response.end(method === "HEAD" ? undefined : part);
}

function list(
  bucket: string,
  query: URLSearchParams,
  response: ServerResponse,
  { objects }: S3Server,
): void {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const max = Number(query.get("max-keys") ?? 1000);
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const keys = [...objects.keys()]
    .filter((path) => path.startsWith(`${bucket}/`))
    .map((path) => path.slice(bucket.length + 1))
    .filter((key) => key.startsWith(prefix))
    .sort();
  const entries: string[] = [];
  const seen = new Set<string>();
  let last = "";
  let isTruncated = false;
  for (const key of keys) {
    const cut = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const folder = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
    const name = folder ?? key;
    if (name <= after || seen.has(name)) continue;
    if (entries.length === max) {
      isTruncated = true;
      break;
    }
    seen.add(name);
    last = name;
    const stored = objects.get(`${bucket}/${key}`);
    entries.push(
      folder === undefined
        ? `<Contents><Key>${escapeXml(key)}</Key><Size>${stored?.body.length}</Size>` +
            `<ETag>${escapeXml(stored?.etag ?? "")}</ETag>` +
            `<LastModified>${new Date(stored?.modifiedMs ?? 0).toISOString()}</LastModified></Contents>`
        : `<CommonPrefixes><Prefix>${escapeXml(folder)}</Prefix></CommonPrefixes>`,
    );
  }
  const token = isTruncated
    ? `<NextContinuationToken>${escapeXml(last)}</NextContinuationToken>`
    : "";
  xml(
    response,
    `<ListBucketResult><Name>${bucket}</Name><Prefix>${escapeXml(prefix)}</Prefix>` +
      `<KeyCount>${entries.length}</KeyCount><MaxKeys>${max}</MaxKeys>` +
      `<IsTruncated>${isTruncated}</IsTruncated>${token}${entries.join("")}</ListBucketResult>`,
  );
}

function deleteMany(
  bucket: string,
  body: Buffer,
  response: ServerResponse,
  { objects }: S3Server,
): void {
  for (const [, key = ""] of body.toString().matchAll(/<Key>(.*?)<\/Key>/g)) {
    objects.delete(`${bucket}/${unescapeXml(key)}`);
  }
  xml(response, "<DeleteResult></DeleteResult>");
}

function xml(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "application/xml" });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>${text}`);
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`);
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function unescapeXml(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&amp;", "&");
}
