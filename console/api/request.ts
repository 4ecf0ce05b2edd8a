// Sends a signed request to the server that this page came from, and turns every failure into an
// ApiError with words for a person.
import { anonymous, credentials, isRefused } from "./session.ts";
import { sign } from "./sign.ts";

export interface Asked {
  method: "GET" | "POST";
  path: string;
  /** Names and values, in order. */
  query?: readonly (readonly [string, string])[];
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
  /** How long the head of the reply may take; what is sent has some time more for each byte. */
  replyMs?: number;
}

/** A connection may be lost without a word. */
const replyMsUsual = 60_000;
const msPerByte = 0.1;

/** `name` is the error's name in the API, or `Unreachable` if no reply came. */
export class ApiError extends Error {
  override readonly name: string;
  readonly status: number;

  constructor(name: string, message: string, status: number) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

/** Names by which a server says that it does not know the caller. */
const unknownCaller = new Set([
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "IncompleteSignatureException",
  "MissingAuthenticationTokenException",
  "InvalidClientTokenId",
]);

/** The text of the reply. Throws ApiError; an abort is thrown as it is. */
export async function send(asked: Asked): Promise<string> {
  const { method, path, body = "", signal, replyMs = replyMsUsual } = asked;
  const query = (asked.query ?? [])
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
  const keys = credentials.value;
  const unsigned = { method, host: location.host, path, query, headers: asked.headers ?? {}, body };
  const headers = sign(unsigned, keys, Date.now());
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), replyMs + body.length * msPerByte);
  const signals = [patience.signal, ...(signal === undefined ? [] : [signal])];
  const init: RequestInit = { method, headers, signal: AbortSignal.any(signals) };
  if (method === "POST") init.body = body;
  let response: Response;
  let text: string;
  try {
    response = await fetch(query === "" ? path : `${path}?${query}`, init);
    clearTimeout(timer);
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("Unreachable", "The server does not answer.", 0);
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return text;
  const error = errorOf(response.status, text);
  if (unknownCaller.has(error.name) || (error.status === 403 && keys === anonymous)) {
    isRefused.value = true;
  }
  throw error;
}

function errorOf(status: number, text: string): ApiError {
  try {
    const body = JSON.parse(text) as Record<string, string>;
    const type = body["__type"] ?? body["error"] ?? `Status ${status}`;
    const message = body["message"] ?? body["Message"] ?? "";
    return new ApiError(type.replace(/^.*#/, ""), message, status);
  } catch {
    // A page of what stands between: its markup says nothing.
    const isPage = /^\s*</.test(text);
    const message = isPage ? "What answers at this address is not Millrace." : text.slice(0, 300);
    return new ApiError(`Status ${status}`, message, status);
  }
}
