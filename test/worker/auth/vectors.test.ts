// Requests signed by others: the test suite of AWS itself, botocore and boto3. Canonical request,
// text to sign and signature are compared one after the other, so that a failure names the stage.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { canonicalRequest, hexSha256, stringToSign } from "../../../worker/auth/canonical.ts";
import { deriveKey } from "../../../worker/auth/keyring.ts";
import { formatTime, parseTime } from "../../../worker/auth/time.ts";
import { verifySignature } from "../../../worker/auth/sigv4.ts";
import { envelopeOf, type Key, type PlainRequest, readerOf, ringOf } from "./requests.ts";

interface Vector extends PlainRequest {
  readonly name: string;
  readonly canonicalRequest: string;
  readonly stringToSign: string;
}

interface SuiteVector extends Vector {
  readonly signature: string;
  readonly timestamp?: string;
  readonly service?: string;
}

interface Suite extends Key {
  readonly timestamp: string;
  readonly region: string;
  readonly service: string;
  readonly cases: readonly SuiteVector[];
}

interface Botocore {
  readonly time: string;
  readonly keys: { readonly lasting: Key; readonly temporary: Key };
  readonly cases: readonly (Vector & { readonly temporary: boolean })[];
}

const suite = readVectors("aws.json") as Suite;
const botocore = readVectors("botocore.json") as Botocore;

describe("AWS's own examples", () => {
  test.each(suite.cases.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const { timestamp = suite.timestamp, service = suite.service } = vector;
    const signedHeaders = [...new Set(vector.headers.map(([name]) => name.toLowerCase()))];
    const canonical = canonicalRequest({
      ...vector,
      headers: readerOf(vector.headers, ","),
      signedHeaders,
      payloadHash: hexSha256(vector.body),
    });
    expect(canonical).toBe(vector.canonicalRequest);

    const date = timestamp.slice(0, 8);
    const scope = `${date}/${suite.region}/${service}/aws4_request`;
    const text = stringToSign(timestamp, scope, canonical);
    expect(text).toBe(vector.stringToSign);

    const key = deriveKey(suite, { date, region: suite.region, service });
    expect(createHmac("sha256", key).update(text).digest("hex")).toBe(vector.signature);

    const credential = `Credential=${suite.accessKeyId}/${scope}`;
    const names = `SignedHeaders=${signedHeaders.join(";")}`;
    const header = `AWS4-HMAC-SHA256 ${credential}, ${names}, Signature=${vector.signature}`;
    const request = envelopeOf({
      ...vector,
      headers: [...vector.headers, ["Authorization", header]],
    });
    const sessionToken = request.authorization.securityToken;
    const outcome = verifySignature(
      { ...request, headers: readerOf(vector.headers, ",") },
      ringOf({ ...suite, sessionToken }),
      [service],
      parseTime(timestamp) as number,
    );
    expect(outcome).toMatchObject({ kind: "caller", region: suite.region });
  });

  test("the derived signing key is that of the documentation", () => {
    const scope = { date: "20150830", region: "us-east-1", service: "iam" };
    expect(Buffer.from(deriveKey(suite, scope)).toString("hex")).toBe(
      "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9",
    );
  });
});

describe("botocore", () => {
  test.each(botocore.cases.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const request = envelopeOf(vector);
    const { credential, date, signedHeaders } = request.authorization;
    const payloadHash = hexSha256(vector.body);
    const canonical = canonicalRequest({ ...request, signedHeaders, payloadHash });
    expect(canonical).toBe(vector.canonicalRequest);

    const timestamp = formatTime(parseTime(date) as number);
    const scope = credential.slice(credential.indexOf("/") + 1);
    expect(stringToSign(timestamp, scope, canonical)).toBe(vector.stringToSign);

    const { lasting, temporary } = botocore.keys;
    const nowMs = parseTime(botocore.time) as number;
    const outcome = verifySignature(request, ringOf(lasting, temporary), ["kinesis"], nowMs);
    const { accessKeyId } = vector.temporary ? temporary : lasting;
    expect(outcome).toMatchObject({ principal: { accessKeyId }, region: scope.split("/")[1] });
  });
});

function readVectors(file: string): unknown {
  const path = join(import.meta.dirname, "../../vectors/sigv4", file);
  return JSON.parse(readFileSync(path, "utf8"));
}
