// Answers requests for other services of AWS, in the form that their clients expect. The error names
// the service, so that a user sees that one endpoint is configured for all services. Two operations are
// served, because clients of Kinesis need them: CloudWatch PutMetricData and STS GetCallerIdentity. With
// access keys both need a valid signature for their service, and no permission, as at AWS.
import { headerAuthorization, readParameters } from "../auth/authorizationHeader.ts";
import { authenticate, refusalOfHead } from "../auth/authenticate.ts";
import { type Caller, type Refusal, refuse, userArn } from "../auth/caller.ts";
import type { Authorization, HeaderReader } from "../auth/credentials.ts";
import { isCode } from "../errors.ts";
import { BodyError, readBody } from "../http/body.ts";
import type { DoorRefusal } from "../http/door.ts";
import type { Incoming } from "../http/incoming.ts";
import { splitUrl } from "../http/url.ts";
import { metricBodyBytesMax } from "../limits.ts";
import type { Backend } from "../stream/backend.ts";
import {
  type CallHead,
  type ForeignCall,
  foreignCallOf,
  isOwnTarget,
  type Protocol,
} from "./foreignCall.ts";
import { countMetricData } from "./metricData.ts";
import { tally } from "../core/tally.ts";
import { unpack } from "./unpack.ts";
import { type Result, sendError, sendResult, type Wire, type WireError } from "./wire.ts";

interface Served {
  readonly operation: string;
  /** Of the XML of its replies. */
  readonly namespace: string;
  /** Throws an Error for an input that is not well formed. */
  run(caller: Caller, body: Uint8Array, protocol: Protocol): Result;
}

const served: ReadonlyMap<string, Served> = new Map([
  [
    "monitoring",
    {
      operation: "PutMetricData",
      namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
      run(_caller, body, protocol) {
        tally.metricData += countMetricData(body, protocol);
        return {};
      },
    },
  ],
  [
    "sts",
    {
      operation: "GetCallerIdentity",
      namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
      run({ principal }) {
        const { accessKeyId: UserId, account: Account } = principal;
        return { Arn: userArn(principal), UserId, Account };
      },
    },
  ],
]);

/** Undefined if the request is for a dialect. */
export function foreignCallIn(
  { method, url, headers }: Pick<Incoming, "method" | "url" | "headers">,
  isContainer: (name: string) => boolean,
): ForeignCall | undefined {
  // Requests to the dialects are recognized first, because they are frequent.
  const target = headers.get("x-amz-target");
  if (target !== null && isOwnTarget(target)) return undefined;
  return foreignCallOf({ method, ...splitUrl(url), headers }, isContainer);
}

export async function serveAws(
  request: Request,
  backend: Backend,
  call: ForeignCall,
): Promise<Response> {
  const wire = wireOf(request, call);
  const service = served.get(call.service);
  // The body of a request to an unknown service is not read.
  if (service === undefined) return sendError(wire, notServed(call, undefined));
  backend.deed.operation = service.operation;
  const head = headOf(request, call);
  if (head === undefined) return sendError(wire, refusalError(noSignature, call));
  const condemned = refusalOfHead(backend.access, head, Date.now());
  if (condemned !== undefined) return sendError(wire, refusalError(condemned, call));
  const body = await readWhole(request);
  if (!(body instanceof Uint8Array)) return sendError(wire, body);
  const caller = authenticate(backend.access, { ...head, body }, Date.now());
  if (caller.kind === "refusal") return sendError(wire, refusalError(caller, call));
  try {
    const plain = await unpack(body, request.headers.get("content-encoding"));
    const operation = call.operation ?? operationIn(plain);
    if (operation !== service.operation) {
      return await sendError(wire, notServed({ ...call, operation }, service.operation));
    }
    const result = service.run(caller, plain, call.protocol);
    return await sendResult(wire, operation, service.namespace, result);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return sendError(wire, malformed(call, error.message));
  }
}

const doorCodes = {
  400: "ValidationError",
  403: "AccessDenied",
  503: "ServiceUnavailable",
} as const;

/** The reply to a request that the door has refused. */
export function refuseAws(
  { status, message }: DoorRefusal,
  request: Request,
  call: ForeignCall,
): Promise<Response> {
  return sendError(wireOf(request, call), { status, code: doorCodes[status], message });
}

function wireOf({ method, headers }: Request, { protocol }: ForeignCall): Wire {
  const contentType = headers.get("content-type") ?? "";
  return { protocol, contentType, isHead: method === "HEAD" };
}

async function readWhole(request: Request): Promise<Uint8Array | WireError> {
  try {
    const body = await readBody(request, metricBodyBytesMax);
    const message = `The request's body is larger than ${metricBodyBytesMax} bytes.`;
    return body ?? { status: 413, code: "RequestEntityTooLarge", message };
  } catch (error) {
    if (error instanceof BodyError) {
      return { status: 400, code: "RequestExpired", message: error.message };
    }
    if (!isCode(error, "overloaded")) throw error;
    return { status: 503, code: "ServiceUnavailable", message: "The server is busy: try again." };
  }
}

/** The operation in a form body. Other protocols name it in a header. */
function operationIn(body: Uint8Array): string | undefined {
  const [, action] = /(?:^|&)Action=(\w{1,128})(?:&|$)/.exec(new TextDecoder().decode(body)) ?? [];
  return action;
}

const noSignature = refuse("MissingAuthenticationTokenException", "Missing Authentication Token");

/** What is signed, without the body; undefined for a request without a signature. */
function headOf({ method, url, headers }: Request, { service }: ForeignCall) {
  const parts = splitUrl(url);
  const authorization = authorizationOf({ method, ...parts, headers });
  if (authorization === undefined) return undefined;
  return { dialect: "aws" as const, service, method, ...parts, headers, authorization };
}

function authorizationOf({ headers, query }: CallHead): Authorization | undefined {
  const header = headers.get("authorization");
  if (header !== null) return headerSignature(header, headers);
  const parameters = new URLSearchParams(query);
  const of = (name: string) => parameters.get(name) ?? "";
  if (!parameters.has("X-Amz-Signature")) return undefined;
  return {
    form: "query",
    algorithm: of("X-Amz-Algorithm"),
    credential: of("X-Amz-Credential"),
    signedHeaders: of("X-Amz-SignedHeaders").split(";"),
    signature: of("X-Amz-Signature"),
    date: of("X-Amz-Date"),
    expires: parameters.get("X-Amz-Expires") ?? undefined,
    securityToken: parameters.get("X-Amz-Security-Token") ?? undefined,
  };
}

function headerSignature(header: string, headers: HeaderReader): Authorization {
  const [scheme = "", ...pieces] = header.split(/[, ]+/);
  const date = headers.get("x-amz-date") ?? headers.get("date") ?? "";
  return headerAuthorization(scheme, readParameters(pieces), date, headers);
}

function notServed(
  { service, operation, protocol }: ForeignCall,
  only: string | undefined,
): WireError {
  const got = operation === undefined ? service : `${service} (${operation})`;
  const also = only === undefined ? "" : `; of ${service} it answers ${only} alone`;
  const message =
    service === "kinesis"
      ? "This is Millrace, which serves kinesis in AWS JSON and CBOR 1.1, not in this protocol."
      : `This is Millrace, which serves kinesis; got ${got}${also}.`;
  return { status: protocol === "s3" ? 501 : 400, code: unknownCodes[protocol], message };
}

/** The error for an unknown operation in each protocol. */
const unknownCodes = {
  json: "UnknownOperationException",
  cbor: "UnknownOperationException",
  rest: "UnknownOperationException",
  query: "InvalidAction",
  ec2: "InvalidAction",
  s3: "NotImplemented",
} as const;

/** The names of the query protocol (AWS API reference, Common Errors, of CloudWatch and STS). */
const queryCodes = {
  AccessDeniedException: "AccessDenied",
  IncompleteSignatureException: "IncompleteSignature",
  InvalidSignatureException: "SignatureDoesNotMatch",
  MissingAuthenticationTokenException: "MissingAuthenticationToken",
  UnrecognizedClientException: "InvalidClientTokenId",
} as const;

function refusalError({ name, message }: Refusal, { protocol }: ForeignCall): WireError {
  return { status: 403, code: protocol === "query" ? queryCodes[name] : name, message };
}

function malformed({ protocol }: ForeignCall, why: string): WireError {
  const code = protocol === "query" ? "MalformedInput" : "SerializationException";
  return { status: 400, code, message: `The request cannot be read: ${why}.` };
}
