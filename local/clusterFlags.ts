/**
 * The flags of a server that shares its objects with others: the bucket, where the instances listen
 * for each other, their common secret, and the settings of S3. Nothing is asked of the bucket here
 * (clusterBucket.ts does that). Settings of S3 come from the usual AWS_* variables, credentials
 * also from a file of such lines.
 */
import { readFileSync } from "node:fs";
import type { S3Settings } from "./s3Bucket.ts";
import { Failure, errorCode } from "./failure.ts";
import type { ClusterConfig } from "./workerdConfig.ts";

/** The flags as they are on the command line. */
export interface ClusterFlagValues {
  cluster?: string;
  clusterAddress?: string;
  clusterAdvertise?: string;
  clusterKey?: string;
  clusterCredentials?: string;
}

/** What an instance needs. */
export interface ClusterFlags {
  workerd: ClusterConfig;
  s3: S3Settings;
}

/** workerd's bound: a shorter secret could be guessed. */
const keyLengthMin = 32;

/** How long an instance takes to stop while it hands its objects to the others. */
export const clusterStopMs = 8000;

type Variables = Readonly<Record<string, string | undefined>>;

/** Undefined without `--cluster`. Throws a Failure with exit code 2 if a value is wrong or missing. */
export function readCluster(values: ClusterFlagValues, env: Variables): ClusterFlags | undefined {
  const { cluster } = values;
  if (cluster === undefined) {
    for (const flag of ["clusterAddress", "clusterAdvertise", "clusterKey"] as const) {
      const name = flag.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
      if (values[flag] !== undefined) {
        throw new Failure(`--${name} needs --cluster with the bucket: s3://bucket/prefix`, 2);
      }
    }
    return undefined;
  }
  const [, bucket, path = ""] =
    /^s3:\/\/([a-z\d][a-z\d.-]{1,61}[a-z\d])(?:\/(.*))?$/.exec(cluster) ?? [];
  if (bucket === undefined || !/^[\w./-]*$/.test(path)) {
    throw new Failure(`--cluster ${cluster} is no bucket: pass one such as s3://bucket/prefix`, 2);
  }
  const prefix = path.replace(/^\/+|\/+$/g, "");
  const address = parseAddress("--cluster-address", values.clusterAddress);
  const advertise = values.clusterAdvertise;
  if (advertise !== undefined) parseAddress("--cluster-advertise", advertise);
  if (advertise === undefined && /^(0\.0\.0\.0|\[::\])/.test(address)) {
    const what = `--cluster-address ${address} is every address of this machine`;
    throw new Failure(`${what}: tell by --cluster-advertise where the others reach it`, 2);
  }
  const s3 = readS3(values, env, bucket, prefix);
  return {
    workerd: {
      bucket: `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`,
      bucketOptions: bucketOptions(s3, values.clusterCredentials),
      address,
      ...(advertise !== undefined && { advertise }),
      key: readKey(values.clusterKey),
      stopMs: clusterStopMs,
      ...readTimeDivisor(env),
    },
    s3,
  };
}

/** For tests alone: shorter leases, at the price of instances that a slow bucket shuts out. */
function readTimeDivisor({ MILLRACE_CLUSTER_TIME_DIVISOR: text }: Variables) {
  return text === undefined ? {} : { timeDivisor: Number(text) };
}

function parseAddress(flag: string, text: string | undefined): string {
  if (text === undefined) {
    const what = `${flag} is missing: pass where this instance listens for the others`;
    throw new Failure(`${what}, such as 10.0.0.1:4600`, 2);
  }
  const [, port] = /^(?:\[[\da-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(text) ?? [];
  if (port !== undefined && Number(port) <= 65_535) return text;
  throw new Failure(`${flag} ${text} is not valid: pass host:port, such as 10.0.0.1:4600`, 2);
}

function readKey(path: string | undefined): string {
  if (path === undefined) {
    const what = "--cluster-key is missing: pass the file of a secret that all instances have";
    throw new Failure(`${what} (make one by: openssl rand -hex 32)`, 2);
  }
  const key = readText("--cluster-key", path).trim();
  if (key.length >= keyLengthMin) return key;
  throw new Failure(
    `--cluster-key ${path}: the secret has less than ${keyLengthMin} characters`,
    2,
  );
}

function readS3(
  { clusterCredentials }: ClusterFlagValues,
  env: Variables,
  bucket: string,
  prefix: string,
): S3Settings {
  const given =
    clusterCredentials === undefined
      ? env
      : readLines(readText("--cluster-credentials", clusterCredentials));
  const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } =
    given;
  if (accessKeyId === "" || secretAccessKey === "") {
    const where = clusterCredentials ?? "the environment";
    const what = `--cluster needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in ${where}`;
    throw new Failure(what, 2);
  }
  const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1";
  const endpoint =
    env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || `https://s3.${region}.amazonaws.com`;
  const sessionToken = given["AWS_SESSION_TOKEN"] || undefined;
  return {
    endpoint: parseEndpoint(endpoint),
    region,
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
  };
}

function parseEndpoint(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/") return url.origin;
  throw new Failure(
    `the endpoint of S3 ${text} is not valid: pass one such as https://host:9000`,
    2,
  );
}

function bucketOptions(s3: S3Settings, credentialsFile: string | undefined): string[] {
  const options = [`aws_endpoint=${s3.endpoint}`, `aws_region=${s3.region}`];
  if (credentialsFile !== undefined) {
    return [...options, `aws_credentials_file=${credentialsFile}`];
  }
  options.push(`aws_access_key_id=${s3.accessKeyId}`);
  options.push(`aws_secret_access_key=${s3.secretAccessKey}`);
  if (s3.sessionToken !== undefined) options.push(`aws_token=${s3.sessionToken}`);
  return options;
}

function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`${flag} ${path} cannot be read (${errorCode(error)})`, 2);
  }
}

/** `NAME=value`, a line each. */
function readLines(text: string): Variables {
  const pairs = text.split("\n").map((line) => /^\s*(?:export\s+)?(\w+)=(.*?)\s*$/.exec(line));
  return Object.fromEntries(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1], pair[2]]])));
}
