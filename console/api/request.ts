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
}

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

/** Throws ApiError; an abort is thrown as it is. */
export async function send(asked: Asked): Promise<Response> {
  const { method, path, body = "", signal } = asked;
  const query = (asked.query ?? [])
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
  const keys = credentials.value;
  const unsigned = { method, host: location.host, path, query, headers: asked.headers ?? {}, body };
  const headers = sign(unsigned, keys, Date.now());
  const init: RequestInit = { method, headers, ...(signal && { signal }) };
  if (method === "POST") init.body = body;
  let response: Response;
  try {
    response = await fetch(query === "" ? path : `${path}?${query}`, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("Unreachable", "The server does not answer.", 0);
  }
  if (response.ok) return response;
  const error = await readError(response);
  if (unknownCaller.has(error.name) || (error.status === 403 && keys === anonymous)) {
    isRefused.value = true;
  }
  throw error;
}

async function readError(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as Record<string, string>;
    const type = body["__type"] ?? body["error"] ?? `Status ${response.status}`;
    const message = body["message"] ?? body["Message"] ?? "";
    return new ApiError(type.replace(/^.*#/, ""), message, response.status);
  } catch {
    return new ApiError(`Status ${response.status}`, text.slice(0, 300), response.status);
  }
}
