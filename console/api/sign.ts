// Signs a request with AWS Signature Version 4 (AWS IAM user guide, "Create a signed AWS API
// request"). The browser's own cryptography is missing on pages without TLS, so the hashes are a
// library's.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Credentials } from "./session.ts";

export interface Unsigned {
  method: string;
  host: string;
  /** With escapes. */
  path: string;
  /** Without the question mark; names and values escaped as `encodeURIComponent` does it. */
  query: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

const service = "kinesis";

/** The headers to send, with the date and the signature. */
export function sign(request: Unsigned, keys: Credentials, nowMs: number): Record<string, string> {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = time.slice(0, 8);
  const headers = { ...request.headers, "x-amz-date": time };
  const signed: Record<string, string> = { ...headers, host: request.host };
  const names = Object.keys(signed).sort();
  const canonical = [
    request.method,
    request.path,
    request.query.split("&").sort().join("&"),
    ...names.map((name) => `${name}:${signed[name]?.trim()}`),
    "",
    names.join(";"),
    hex(request.body),
  ].join("\n");
  const scope = `${day}/${keys.region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, hex(canonical)].join("\n");
  const signature = bytesToHex(hmac(sha256, signingKey(keys, day), utf8ToBytes(text)));
  return {
    ...headers,
    authorization:
      `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, ` +
      `SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}

function signingKey({ secretAccessKey, region }: Credentials, day: string): Uint8Array {
  let key: Uint8Array = utf8ToBytes(`AWS4${secretAccessKey}`);
  for (const part of [day, region, service, "aws4_request"]) {
    key = hmac(sha256, key, utf8ToBytes(part));
  }
  return key;
}

function hex(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}
