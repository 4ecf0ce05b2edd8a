/**
 * Looks at the bucket of a cluster before workerd is started: it must be reachable, and keep the
 * conditions of writes. Without them two instances could own one object, so such a bucket is
 * refused with what it lacks.
 */
import { randomUUID } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import { Failure, messageOf } from "./failure.ts";
import type { S3Settings } from "./s3Bucket.ts";

const requestMsMax = 10_000;

/** A look must not take longer than those who ask for the instance's health wait. */
const lookMsMax = 3000;

/** Throws a Failure. */
export async function checkClusterBucket(settings: S3Settings): Promise<void> {
  const key = `${settings.prefix}probe/${randomUUID()}`;
  const place = `the bucket ${settings.bucket} at ${settings.endpoint}`;
  const first = await call(settings, "PUT", key, { "if-none-match": "*" });
  if (first.status === 403) throw new Failure(`${place} refuses these keys (403)`);
  if (first.status === 404) throw new Failure(`${place} does not exist (404)`);
  if (!first.ok) throw new Failure(`${place} refuses a write with If-None-Match (${first.status})`);
  try {
    const second = await call(settings, "PUT", key, { "if-none-match": "*" });
    if (second.ok) throw new Failure(lacks(place, "If-None-Match"));
    const third = await call(settings, "PUT", key, { "if-match": '"0123456789abcdef"' });
    if (third.ok) throw new Failure(lacks(place, "If-Match"));
  } finally {
    await call(settings, "DELETE", key, {}).catch(() => undefined);
  }
}

/** Throws a Failure if the bucket does not answer, or not to these keys. */
export async function reachBucket(settings: S3Settings): Promise<void> {
  const { ok, status } = await call(settings, "GET", `${settings.prefix}probe/none`, {}, lookMsMax);
  if (ok || status === 404) return;
  throw new Failure(`the bucket ${settings.bucket} at ${settings.endpoint} answers ${status}`);
}

function lacks(place: string, condition: string): string {
  return `${place} ignores ${condition} of a write: a cluster needs a bucket that keeps it`;
}

async function call(
  settings: S3Settings,
  method: string,
  key: string,
  headers: Record<string, string>,
  msMax = requestMsMax,
): Promise<Response> {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey, sessionToken } = settings;
  const url = `${endpoint}/${bucket}/${key}`;
  const keys = {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
  };
  const body = method === "PUT" ? { body: "probe" } : {};
  const signer = new AwsV4Signer({ method, url, headers, service: "s3", region, ...keys, ...body });
  const signed = await signer.sign();
  try {
    return await fetch(signed.url, {
      method,
      headers: signed.headers,
      ...body,
      signal: AbortSignal.timeout(msMax),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new Failure(`the bucket at ${endpoint} does not answer: ${messageOf(cause)}`);
  }
}
