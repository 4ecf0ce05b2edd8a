// Which requests are meant for another service of AWS. A client that has one AWS_ENDPOINT_URL for
// everything sends them here. The service is known by the scope of the signature, by the target, or
// by the path of Smithy's RPC protocol. Requests of the three dialects are never taken for one.
import type { HeaderReader } from "../auth/credentials.ts";
import { isRoot } from "../http/url.ts";

/** The forms in which clients expect the replies of services. */
export type Protocol = "json" | "cbor" | "query" | "ec2" | "s3" | "rest";

export interface ForeignCall {
  /** The name that clients sign with, such as `monitoring` for CloudWatch. */
  readonly service: string;
  /** Undefined where only the body tells. */
  readonly operation: string | undefined;
  readonly protocol: Protocol;
}

export interface CallHead {
  readonly method: string;
  /** As received. */
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderReader;
}

/** Names that clients sign with, by the first part of their target. */
const servicesByTarget: ReadonlyMap<string, string> = new Map([
  ["AWSEvents", "events"],
  ["AWSGlue", "glue"],
  ["AWSStepFunctions", "states"],
  ["AmazonEC2ContainerServiceV20141113", "ecs"],
  ["AmazonSQS", "sqs"],
  ["AmazonSSM", "ssm"],
  ["DynamoDBStreams_20120810", "dynamodb"],
  ["DynamoDB_20120810", "dynamodb"],
  ["Firehose_20150804", "firehose"],
  ["GraniteServiceVersion20100801", "monitoring"],
  ["KinesisAnalytics_20180523", "kinesisanalytics"],
  ["Logs_20140328", "logs"],
  ["TrentService", "kms"],
  ["secretsmanager", "secretsmanager"],
]);

/** The first parts of the targets that the dialects serve. */
const ownTargets: ReadonlySet<string> = new Set(["Kinesis_20131202", "kinesisApi"]);

/** Services with XML over REST, whose errors have the form of the query protocol. */
const restXmlServices: ReadonlySet<string> = new Set(["cloudfront", "route53"]);

const kinesis = "kinesis";

const rpcPath = /\/service\/([\w.]{1,128})\/operation\/(\w{1,128})$/;

/** `isContainer` tells whether v3io serves a path's first part: its clients may sign as S3's do. */
export function foreignCallOf(
  head: CallHead,
  isContainer: (name: string) => boolean,
): ForeignCall | undefined {
  const { path, query, headers } = head;
  if (headers.get("x-v3io-function") !== null) return undefined;
  const target = headers.get("x-amz-target");
  if (target !== null && isOwnTarget(target)) return undefined;
  const signed = signedService(headers, query);
  if (headers.get("smithy-protocol") === "rpc-v2-cbor") {
    const [, name = "", operation] = rpcPath.exec(path) ?? [];
    return { service: serviceOf(name) ?? signed ?? "none", operation, protocol: "cbor" };
  }
  if (target !== null) return callOfTarget(target, isRoot(path) ? signed : undefined);
  if (signed === undefined || signed === kinesis) return undefined;
  if (signed === "s3") {
    const [, name = ""] = path.split("/");
    return isContainer(name)
      ? undefined
      : { service: signed, operation: undefined, protocol: "s3" };
  }
  const operation = new URLSearchParams(query).get("Action") ?? undefined;
  const isForm = /^application\/x-www-form-urlencoded/i.test(headers.get("content-type") ?? "");
  if (restXmlServices.has(signed)) return { service: signed, operation, protocol: "query" };
  if (operation === undefined && !isForm) return { service: signed, operation, protocol: "rest" };
  return { service: signed, operation, protocol: signed === "ec2" ? "ec2" : "query" };
}

/** True if a dialect serves it. */
export function isOwnTarget(target: string): boolean {
  return ownTargets.has(target.split(".", 1)[0] ?? "");
}

/** On a path, which may be a Yandex database, only a target that is known counts. */
function callOfTarget(target: string, signed: string | undefined): ForeignCall | undefined {
  const [name = "", operation] = target.split(".", 2);
  const service = serviceOf(name) ?? (signed === kinesis ? undefined : signed);
  return service === undefined ? undefined : { service, operation, protocol: "json" };
}

function serviceOf(target: string): string | undefined {
  return ownTargets.has(target) ? kinesis : servicesByTarget.get(target);
}

/** The service in the scope of the signature, in the header or presigned. */
function signedService(headers: HeaderReader, query: string): string | undefined {
  const header = headers.get("authorization") ?? "";
  const [, inHeader] = /^AWS4-HMAC-SHA256 .*?Credential=([^,\s]*)/.exec(header) ?? [];
  const credential = inHeader ?? new URLSearchParams(query).get("X-Amz-Credential") ?? "";
  const parts = credential.split("/");
  const service = parts.length >= 5 ? parts[3] : undefined;
  return service !== undefined && /^[a-z0-9-]{1,64}$/.test(service) ? service : undefined;
}
