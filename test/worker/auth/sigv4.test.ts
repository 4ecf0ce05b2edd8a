// What is refused, and as what. A good request is changed in one respect at a time; the names and
// texts are those of the service.
import { array, assert, constant, constantFrom, oneof, property, record, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { verifySignature } from "../../../worker/auth/sigv4.ts";
import {
  envelopeOf,
  key,
  nowMs,
  outcomeOf,
  plainRequest,
  type PlainRequest,
  presign,
  readerOf,
  ringOf,
  sign,
  timestamp,
  withHeader,
} from "./requests.ts";

const signed = sign(plainRequest);
const admitted = "AKIDEXAMPLE in us-east-1";
const minuteMs = 60_000;

const mismatch =
  "InvalidSignatureException: The request signature we calculated does not match the signature " +
  "you provided. Check your AWS Secret Access Key and signing method. Consult the service " +
  "documentation for details.";
const unknown =
  "UnrecognizedClientException: The security token included in the request is invalid.";
const otherHash =
  "InvalidSignatureException: The provided 'x-amz-content-sha256' header does not match what was " +
  "computed.";

describe("what was changed after signing", () => {
  const cases: readonly (readonly [string, PlainRequest, string])[] = [
    ["nothing", signed, admitted],
    ["body", { ...signed, body: '{"Limit":2}' }, mismatch],
    ["body, to nothing", { ...signed, body: "" }, mismatch],
    ["method", { ...signed, method: "PUT" }, mismatch],
    ["path", { ...signed, path: "/x" }, mismatch],
    ["query", { ...signed, query: "a=b" }, mismatch],
    ["host", withHeader(signed, "Host", "127.0.0.1:4568"), mismatch],
    ["port", withHeader(signed, "Host", "127.0.0.1"), mismatch],
    ["target", withHeader(signed, "X-Amz-Target", "Kinesis_20131202.DeleteStream"), mismatch],
    ["content type", withHeader(signed, "Content-Type", "application/x-amz-cbor-1.1"), mismatch],
    ["time", withHeader(signed, "X-Amz-Date", "20260314T150927Z"), mismatch],
    ["a header that is not signed", withHeader(signed, "User-Agent", "x"), admitted],
    [
      "a signed header doubled",
      { ...signed, headers: [...signed.headers, ["X-Amz-Target", "Kinesis_20131202.ListStreams"]] },
      mismatch,
    ],
    ["a signed header left out", without(signed, "Content-Type"), mismatch],
    [
      "signature, one digit",
      edit(signed, /[0-9a-f]$/, (digit) => (digit === "0" ? "1" : "0")),
      mismatch,
    ],
    ["signature, truncated", edit(signed, /[0-9a-f]$/, () => ""), mismatch],
    ["signature, longer", edit(signed, /[0-9a-f]$/, (digit) => `${digit}0`), mismatch],
    ["signature, upper case", edit(signed, /[0-9a-f]{64}$/, (hex) => hex.toUpperCase()), mismatch],
    ["signature, not hex", edit(signed, /[0-9a-f]{64}$/, () => "z".repeat(64)), mismatch],
    ["signature, of other letters", edit(signed, /[0-9a-f]{64}$/, () => "İ".repeat(64)), mismatch],
    ["signed headers, one fewer", edit(signed, /content-type;/, () => ""), mismatch],
    [
      "signed headers, one more",
      edit(signed, /content-type;/, () => "accept;content-type;"),
      mismatch,
    ],
    [
      "signed headers, an empty one",
      edit(signed, /content-type;/, () => ";content-type;"),
      mismatch,
    ],
    [
      "signed headers, order",
      edit(signed, /content-type;host/, () => "host;content-type"),
      admitted,
    ],
    ["signed headers, case", edit(signed, /content-type/, () => "Content-Type"), admitted],
    ["key id", edit(signed, /AKIDEXAMPLE/, () => "AKIDOTHER"), unknown],
    ["scope, region", edit(signed, /us-east-1/, () => "us-east-2"), mismatch],
  ];
  test.each(cases)("%s", (_, request, outcome) => {
    expect(outcomeOf(request)).toBe(outcome);
  });

  test("another secret for the same key id does not verify", () => {
    const other = ringOf({ ...key, secretAccessKey: "open barley" });
    expect(outcomeOf(signed, { keys: other })).toBe(mismatch);
  });
});

describe("a client of HTTP/2", () => {
  const address = "127.0.0.1:4567";
  const names = ":authority;content-type;x-amz-date;x-amz-target";
  const travelling = withHeader(
    withHeader(plainRequest, "TE", "trailers"),
    "Expect",
    "100-continue",
  );

  test("signs :authority, which arrives as Host", () => {
    const sent = sign(plainRequest, { signedHeaders: names });
    expect(outcomeOf(sent)).toBe(admitted);
    expect(outcomeOf(withHeader(sent, "Host", "127.0.0.1:4568"))).toBe(mismatch);
    expect(outcomeOf(edit(sent, /:authority/, () => "host"))).toBe(mismatch);
    const both = sign(plainRequest, { signedHeaders: `${names};host` });
    expect(outcomeOf(withHeader(both, "Host", address))).toBe(admitted);
  });

  test("signs TE and Expect, which may not arrive and have one value each", () => {
    const sent = sign(travelling, { signedHeaders: `${names};te;expect` });
    expect(outcomeOf(sent)).toBe(admitted);
    expect(outcomeOf(without(without(sent, "TE"), "Expect"))).toBe(admitted);
    expect(outcomeOf(withHeader(sent, "TE", "gzip"))).toBe(mismatch);
    const other = sign(withHeader(travelling, "TE", "gzip"), { signedHeaders: `${names};te` });
    expect(outcomeOf(without(other, "TE"))).toBe(mismatch);
  });

  test.each([":scheme", ":method", ":path", ""])("signs nothing else: %j", (name) => {
    expect(outcomeOf(sign(plainRequest, { signedHeaders: `${names};${name}` }))).toBe(mismatch);
  });
});

describe("the clock", () => {
  const expired =
    "InvalidSignatureException: Signature expired: 20260314T150926Z is now earlier than " +
    "20260314T150927Z (20260314T152427Z - 15 min.)";
  const early =
    "InvalidSignatureException: Signature not yet current: 20260314T150926Z is still later than " +
    "20260314T150925Z (20260314T145425Z + 15 min.)";

  test("15 minutes either way are tolerated, and not a second more", () => {
    expect(outcomeOf(signed, { atMs: nowMs + 15 * minuteMs })).toBe(admitted);
    expect(outcomeOf(signed, { atMs: nowMs + 15 * minuteMs + 1000 })).toBe(expired);
    expect(outcomeOf(signed, { atMs: nowMs - 15 * minuteMs })).toBe(admitted);
    expect(outcomeOf(signed, { atMs: nowMs - 15 * minuteMs - 1000 })).toBe(early);
  });

  test.each(["2026-03-14T15:09:26Z", "20260314", "20260230T000000Z", "yesterday", "0"])(
    "%s is no date",
    (date) => {
      expect(outcomeOf(withHeader(signed, "X-Amz-Date", date))).toBe(
        "IncompleteSignatureException: Date must be in ISO-8601 'basic format'. " +
          `Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`,
      );
    },
  );
});

describe("the scope of the credential", () => {
  const day = timestamp.slice(0, 8);
  const cases: readonly (readonly [string, string])[] = [
    [`${day}/US_EAST/kinesis/aws4_request`, "Credential should be scoped to a valid region."],
    [`${day}//kinesis/aws4_request`, "Credential should be scoped to a valid region."],
    [
      `${day}/us-east-1/s3/aws4_request`,
      "Credential should be scoped to correct service: 'kinesis'.",
    ],
    [
      `${day}/us-east-1/kinesis/aws5_request`,
      "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
    ],
    [
      "20260313/us-east-1/kinesis/aws4_request",
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
        "'20260313' != '20260314', from '20260314T150926Z'.",
    ],
    [
      "b/C/d/e",
      "Credential should be scoped to a valid region. " +
        "Credential should be scoped to correct service: 'kinesis'. " +
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. " +
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from " +
        "HTTP: 'b' != '20260314', from '20260314T150926Z'.",
    ],
  ];
  test.each(cases)("%s", (scope, message) => {
    const request = edit(
      signed,
      /Credential=[^,]+/,
      () => `Credential=${key.accessKeyId}/${scope}`,
    );
    expect(outcomeOf(request)).toBe(`InvalidSignatureException: ${message}`);
  });

  test.each(["a/b/c/d", "a", "a/b/c/d/e/f"])("%s has not five elements", (credential) => {
    expect(outcomeOf(edit(signed, /Credential=[^,]+/, () => `Credential=${credential}`))).toBe(
      "IncompleteSignatureException: Credential must have exactly 5 slash-delimited elements, " +
        `e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  });

  test("slashes at its end are ignored", () => {
    expect(outcomeOf(edit(signed, /aws4_request/, () => "aws4_request///"))).toBe(admitted);
  });
});

describe("what must be signed", () => {
  test("a host that is not signed is refused", () => {
    const request = sign(plainRequest, { signedHeaders: "content-type;x-amz-date;x-amz-target" });
    expect(outcomeOf(request)).toBe(
      "InvalidSignatureException: 'Host' or ':authority' must be a 'SignedHeader' in the AWS " +
        "Authorization.",
    );
  });

  test("an operation that is not signed is refused", () => {
    const request = sign(plainRequest, { signedHeaders: "content-type;host;x-amz-date" });
    expect(outcomeOf(request)).toBe(
      "InvalidSignatureException: 'X-Amz-Target' must be a 'SignedHeader' in the AWS " +
        "Authorization.",
    );
  });

  test("content type and date need not be: some signers leave them out", () => {
    expect(outcomeOf(sign(plainRequest, { signedHeaders: "host;x-amz-target" }))).toBe(admitted);
  });

  test("another algorithm is refused by name", () => {
    expect(outcomeOf(sign(plainRequest, { algorithm: "AWS4-HMAC-SHA1" }))).toBe(
      "IncompleteSignatureException: Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' " +
        "(only AWS4-HMAC-SHA256 for now).",
    );
  });

  test.each([true, false])("a hash of another body is refused, signed: %s", (isSigned) => {
    const hash = "0".repeat(64);
    const request = isSigned
      ? sign(withHeader(plainRequest, "X-Amz-Content-Sha256", hash), { payloadHash: hash })
      : withHeader(signed, "X-Amz-Content-Sha256", hash);
    expect(outcomeOf(request)).toBe(otherHash);
  });

  test("an unsigned body is refused, in header and query", () => {
    const payloadHash = "UNSIGNED-PAYLOAD";
    const request = withHeader(plainRequest, "X-Amz-Content-Sha256", payloadHash);
    expect(outcomeOf(sign(request, { payloadHash }))).toBe(otherHash);
    expect(outcomeOf(presign(request, "60", { payloadHash }))).toBe(otherHash);
    expect(outcomeOf(presign(plainRequest, "60", { payloadHash }))).toBe(mismatch);
  });
});

describe("the presigned form", () => {
  const presigned = presign(plainRequest, "60");

  test("is good for as long as it says", () => {
    expect(outcomeOf(presigned)).toBe(admitted);
    expect(outcomeOf(presigned, { atMs: nowMs + minuteMs })).toBe(admitted);
    expect(outcomeOf(presigned, { atMs: nowMs + minuteMs + 1000 })).toBe(
      "InvalidSignatureException: Signature expired: 20260314T150926Z is now earlier than " +
        "20260314T150927Z (20260314T151027Z - 1 min.)",
    );
    expect(outcomeOf(presign(plainRequest, "90"), { atMs: nowMs + 91_000 })).toBe(
      "InvalidSignatureException: Signature expired: 20260314T150926Z is now earlier than " +
        "20260314T150927Z (20260314T151057Z - 90 sec.)",
    );
    const week = presign(plainRequest, "604800");
    expect(outcomeOf(week, { atMs: nowMs + 7 * 24 * 60 * minuteMs })).toBe(admitted);
  });

  test("without a life of its own has that of a header", () => {
    const request = presign(plainRequest, undefined);
    expect(outcomeOf(request, { atMs: nowMs + 15 * minuteMs })).toBe(admitted);
    expect(outcomeOf(request, { atMs: nowMs + 16 * minuteMs })).toContain("Signature expired");
  });

  test.each(["0", "604801", "-1", "1.5", "1e3", "soon", ""])(
    "cannot live for '%s' s",
    (expires) => {
      expect(outcomeOf(presign(plainRequest, expires))).toBe(
        "IncompleteSignatureException: X-Amz-Expires must be a number of seconds from 1 to 604800." +
          ` Got '${expires}'.`,
      );
    },
  );

  test("covers every parameter and the body", () => {
    const later = { ...presigned, query: presigned.query.replace("Expires=60", "Expires=61") };
    expect(outcomeOf(later)).toBe(mismatch);
    expect(outcomeOf({ ...presigned, query: `${presigned.query}&a=b` })).toBe(mismatch);
    expect(outcomeOf({ ...presigned, body: "{}" })).toBe(mismatch);
    const signature = presigned.query.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
    expect(outcomeOf({ ...presigned, query: signature })).toBe(mismatch);
  });

  test("reads a query that was spelt otherwise on the way", () => {
    const query = presigned.query.replaceAll("%2F", "/").replaceAll("%3B", "%3b");
    expect(outcomeOf({ ...presigned, query })).toBe(admitted);
  });
});

describe("session tokens", () => {
  const temporary = { ...key, accessKeyId: "ASIATEMPORARY", sessionToken: "to+ken/=" };
  const keys = ringOf(key, temporary);

  test("the right one is let in, by header and by query", () => {
    const request = sign(withToken(plainRequest, "to+ken/="), { key: temporary });
    expect(outcomeOf(request, { keys })).toBe("ASIATEMPORARY in us-east-1");
    const presigned = presign(plainRequest, "60", { key: temporary });
    expect(outcomeOf(presigned, { keys })).toBe("ASIATEMPORARY in us-east-1");
  });

  test("another one, none, or one that is not expected is refused", () => {
    const other = sign(withToken(plainRequest, "to+ken"), { key: temporary });
    expect(outcomeOf(other, { keys })).toBe(unknown);
    expect(outcomeOf(sign(plainRequest, { key: temporary }), { keys })).toBe(unknown);
    expect(outcomeOf(sign(withToken(plainRequest, "to+ken/=")), { keys })).toBe(unknown);
  });
});

test("keys of a thousand and more regions verify, whichever are still kept", () => {
  const keys = ringOf(key);
  const regions = Array.from({ length: 1100 }, (_, i) => `region-${i}`);
  for (const region of [...regions, "region-0", "region-1099"]) {
    const scope = `${timestamp.slice(0, 8)}/${region}/kinesis/aws4_request`;
    expect(outcomeOf(sign(plainRequest, { scope }), { keys })).toBe(`AKIDEXAMPLE in ${region}`);
  }
});

test("fuzz: whatever the pieces are, the answer is a refusal and never an exception", () => {
  const odd = oneof(
    string({ unit: "binary" }),
    constantFrom("", "/", "//", "%", "%zz", "%C3", "+", "\ud800", "é", ";", "a=b&&=&a"),
  );
  const text = oneof(
    odd,
    array(odd).map((parts) => parts.join("/")),
  );
  const { authorization } = envelopeOf(signed);
  const pieces = record(
    {
      form: constantFrom("header" as const, "query" as const),
      algorithm: text,
      credential: oneof(
        text,
        text.map((region) => `AKIDEXAMPLE/20260314/${region}`),
      ),
      signedHeaders: array(text).map((names) => names.concat("host", "x-amz-target")),
      signature: oneof(text, constant("0".repeat(64))),
      date: text,
      expires: text,
      securityToken: text,
    },
    { requiredKeys: [] },
  );
  assert(
    property(pieces, text, text, text, (changes, method, path, query) => {
      const request = {
        method,
        path,
        query,
        body: new Uint8Array(0),
        headers: readerOf(plainRequest.headers),
        authorization: { ...authorization, ...changes },
      };
      const outcome = verifySignature(request, ringOf(key), ["kinesis"], nowMs);
      expect(outcome.kind).toBe("refusal");
    }),
    { numRuns: Number(process.env["FUZZ_ROUNDS"] ?? 1000) },
  );
});

function edit(
  request: PlainRequest,
  pattern: RegExp,
  replace: (found: string) => string,
): PlainRequest {
  const value = readerOf(request.headers).get("authorization") ?? "";
  return withHeader(request, "Authorization", value.replace(pattern, replace));
}

function withToken(request: PlainRequest, token: string): PlainRequest {
  return withHeader(request, "X-Amz-Security-Token", token);
}

function without(request: PlainRequest, name: string): PlainRequest {
  return { ...request, headers: request.headers.filter(([other]) => other !== name) };
}
