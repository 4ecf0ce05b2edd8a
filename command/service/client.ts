/**
 * Calls of the Kinesis API, signed with SigV4, over HTTP/1.1 with JSON. Replies that mean "try
 * again" are tried again with growing pauses; other errors are a `ServiceError`, whose line names
 * the error of the service. aws4fetch signs: the AWS SDK would be 16 MB more to install.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import * as tls from "node:tls";
import { AwsV4Signer } from "aws4fetch";
import { errorCode, Failure } from "../../local/failure.ts";
import { Reply } from "./reply.ts";
import { readSettings, type ServiceFlags, type ServiceSettings } from "./settings.ts";

/** An error that the service reported. */
export class ServiceError extends Failure {
  /** Such as `ResourceNotFoundException`. */
  readonly code: string;

  /** True if the same request may succeed later. */
  readonly passes: boolean;

  constructor(code: string, message: string, passes: boolean) {
    super(message === "" ? code : `${code}: ${message}`);
    this.code = code;
    this.passes = passes;
  }
}

/** The service has no such path: it is not Millrace, or an older version. */
export class NoSuchPath extends Failure {}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Waits up to a minute for a service that does not answer, because it starts anew. */
  isPatient?: boolean;
  /** Is tried once: the caller counts what is refused for the moment. */
  once?: boolean;
  /** A pattern of the records that are wanted: docs/SCAN.md. Only Millrace knows it. */
  where?: string | undefined;
}

const filterHeader = "x-millrace-filter";
const scannedHeader = "x-millrace-scanned";

/** Errors that pass by themselves. */
const passingErrors = new Set([
  "ProvisionedThroughputExceededException",
  "LimitExceededException",
  "ThrottlingException",
  "KMSThrottlingException",
  "RequestTimeout",
  "RequestTimeoutException",
]);
/** The `Date` of a reply is cut to seconds. */
const dateStepMs = 1000;
/** Codes of a connection that the other side has closed. */
const brokenOff = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "ETIMEDOUT"]);
const attemptsMax = { usual: 8, patient: 20 };
const firstPauseMs = 50;
const pauseMsMax = 4000;

export class KinesisClient {
  readonly endpoint: string;
  private readonly settings: ServiceSettings;
  /** `Date` of the last reply, or 0. */
  private repliedMs = 0;

  constructor(settings: ServiceSettings) {
    this.settings = settings;
    this.endpoint = settings.endpoint;
  }

  /**
   * The time of the service when it last replied. It tells whole seconds, so there are two bounds.
   * Before its first reply it is the time of this machine.
   */
  get serviceTime(): { minMs: number; maxMs: number } {
    const minMs = this.repliedMs === 0 ? Date.now() : this.repliedMs;
    return { minMs, maxMs: minMs + dateStepMs };
  }

  /** Throws a ServiceError, a Failure if nothing answers or it does not know `where`, or the signal's reason. */
  async call(operation: string, input: object, options: CallOptions = {}): Promise<Reply> {
    const body = JSON.stringify(input);
    const { isPatient = false, once = false } = options;
    const last = once ? 1 : isPatient ? attemptsMax.patient : attemptsMax.usual;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.attempt(operation, body, options);
      if (outcome instanceof Reply) return outcome;
      if (!outcome.passes || attempt >= last) throw outcome.error;
      const pauseMs = Math.min(pauseMsMax, firstPauseMs * 2 ** (attempt - 1));
      await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: options.signal });
    }
  }

  /**
   * A request of Millrace's own, whose reply is lines of JSON. Throws a `NoSuchPath` if the service
   * is another one, a Failure for what it refuses.
   */
  async *lines(path: string, query: URLSearchParams, signal: AbortSignal): AsyncGenerator<Reply> {
    const { endpoint, region, credentials } = this.settings;
    const url = `${endpoint}${path}?${query.toString()}`;
    const place = `${endpoint} (${path})`;
    const signer = new AwsV4Signer({
      ...credentials,
      method: "GET",
      url,
      service: "kinesis",
      region,
    });
    let response: Response;
    try {
      const signed = await signer.sign();
      response = await fetch(signed.url, { headers: signed.headers, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(endpoint, error);
    }
    const isLines = response.headers.get("content-type") === "application/x-ndjson";
    if (!response.ok || !isLines || response.body === null) {
      throw readRefusal(response, parseJson(await response.text()), place);
    }
    let rest = "";
    const decoder = new TextDecoder();
    for await (const part of response.body) {
      const texts = (rest + decoder.decode(part, { stream: true })).split("\n");
      rest = texts.pop() ?? "";
      for (const text of texts) yield new Reply(parseJson(text), place);
    }
  }

  private async attempt(
    operation: string,
    body: string,
    { signal, isPatient = false, where }: CallOptions,
  ) {
    const { endpoint } = this.settings;
    let response: Response;
    let text: string;
    try {
      response = await this.send(operation, body, signal, where);
      text = await response.text();
    } catch (error) {
      signal?.throwIfAborted();
      const code = errorCode(error instanceof Error ? error.cause : undefined);
      const passes = brokenOff.has(code) || (isPatient && code === "ECONNREFUSED");
      return { passes, error: unreachable(endpoint, error) };
    }
    this.repliedMs = Date.parse(response.headers.get("date") ?? "") || this.repliedMs;
    const place = `${endpoint} (${operation})`;
    const value = text === "" ? {} : parseJson(text);
    if (response.ok && where !== undefined && !response.headers.has(scannedHeader)) {
      const error = new Failure(`${place} does not select records: --where needs Millrace`);
      return { passes: false, error };
    }
    if (response.ok) return new Reply(value, place);
    const passes = isPassing(response.status, value);
    return { passes, error: readError(response, value, place, passes) };
  }

  private async send(
    operation: string,
    body: string,
    signal: AbortSignal | undefined,
    where: string | undefined,
  ): Promise<Response> {
    const { endpoint, region, credentials } = this.settings;
    const signer = new AwsV4Signer({
      ...credentials,
      method: "POST",
      url: endpoint,
      service: "kinesis",
      region,
      headers: {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": `Kinesis_20131202.${operation}`,
        ...(where !== undefined && { [filterHeader]: asHeader(where) }),
      },
      body,
    });
    const { url, headers } = await signer.sign();
    return await fetch(url, { method: "POST", headers, body, ...(signal && { signal }) });
  }
}

/** A client by the flags of a command and the environment. Throws a Failure. */
export function openClient(flags: ServiceFlags): KinesisClient {
  trustBundle();
  return new KinesisClient(readSettings(flags));
}

/** AWS_CA_BUNDLE, as the AWS CLI has it: certificates that are trusted besides the usual ones. */
function trustBundle(): void {
  const { AWS_CA_BUNDLE: path } = process.env;
  if (path === undefined || path === "") return;
  if (!("setDefaultCACertificates" in tls)) {
    throw new Failure("AWS_CA_BUNDLE needs Node 22.19 or later: set NODE_EXTRA_CA_CERTS instead");
  }
  try {
    const own = readFileSync(path, "utf8");
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), own]);
  } catch (error) {
    throw new Failure(`AWS_CA_BUNDLE ${path} cannot be used (${errorCode(error)})`);
  }
}

/** JSON in one line of ASCII. */
function asHeader(pattern: string): string {
  return pattern
    .replaceAll(/[\t\r\n]/g, " ")
    .replaceAll(
      /[^\x20-\x7e]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}

function isPassing(status: number, value: unknown): boolean {
  return status >= 500 || status === 429 || passingErrors.has(typeOf(value));
}

function readError(response: Response, value: unknown, place: string, passes: boolean): Failure {
  const code = typeOf(value);
  if (code === "") return new Failure(`${place} answered with status ${response.status}`);
  const of = (name: string): unknown => Reflect.get(Object(value), name);
  const message = of("message") ?? of("Message");
  return new ServiceError(code, typeof message === "string" ? message : "", passes);
}

/** What Millrace's own paths refuse is `{"error", "message"}`. */
function readRefusal(response: Response, value: unknown, place: string): Failure {
  const of = (name: string): unknown => Reflect.get(Object(value), name);
  const [error, message] = [of("error"), of("message")];
  if (typeof error === "string" && error !== "NotFound") {
    return new Failure(typeof message === "string" ? `${error}: ${message}` : error);
  }
  return new NoSuchPath(`${place} answered with status ${response.status}: it is not there`);
}

/** `ResourceNotFoundException`, also out of `com.amazonaws.kinesis#ResourceNotFoundException`. */
function typeOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return "";
  const type: unknown = Reflect.get(value, "__type");
  return typeof type === "string" ? type.replace(/^.*#/, "") : "";
}

function unreachable(endpoint: string, error: unknown): Failure {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = errorCode(cause);
  const what = cause instanceof Error ? cause.message : String(cause);
  if (code === "ECONNREFUSED") {
    return new Failure(
      `nothing answers at ${endpoint}: start a server with "millrace start", or pass --endpoint`,
    );
  }
  if (/CERT|SELF_SIGNED|ISSUER/.test(code)) {
    return new Failure(
      `${endpoint} has a certificate that is not trusted (${code}): set AWS_CA_BUNDLE`,
    );
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return new Failure(`${endpoint} does not speak TLS: pass http:// to --endpoint`);
  }
  // OpenSSL's text has a line feed and numbers of its source.
  const why = code.startsWith("ERR_SSL") ? code : what || code;
  return new Failure(`${endpoint} cannot be reached: ${why}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
