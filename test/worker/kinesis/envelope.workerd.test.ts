// readEnvelope: the odd answers as kinesalite gives them, and what a call carries.
import { requestBodyBytesMax } from "../../../worker/limits.ts";
import { describe, expect, test } from "vitest";
import { type BodyCodec, jsonCodec } from "../../../worker/kinesis/codec.ts";
import {
  type Answer,
  answerError,
  type EnvelopeCall,
  type Envelope,
  readEnvelope,
} from "../../../worker/kinesis/envelope.ts";
import { KinesisError } from "../../../worker/kinesis/errors.ts";
import { operations } from "../../../worker/kinesis/operations.ts";
import { envelopeRows, type RecordedRequest } from "./envelope-table.ts";

const types: Record<string, string> = {
  json: "application/x-amz-json-1.1",
  cbor: "application/x-amz-cbor-1.1",
  legacy: "application/json",
};

/** As much CBOR as these requests and answers need: short texts in one definite map. */
const cborCodec: BodyCodec = {
  format: "cbor",
  contentType: "application/x-amz-cbor-1.1",
  decode([first]) {
    if (first === 0xa0) return {};
    if (first === 0xf5) return true;
    throw new Error("not well formed");
  },
  encode(value) {
    const entries = Object.entries(value as Record<string, string>);
    return Uint8Array.from([0xa0 + entries.length, ...entries.flat().flatMap(encodeText)]);
  },
};

function encodeText(text: string): number[] {
  const bytes = [...Buffer.from(text)];
  if (bytes.length < 24) return [0x60 + bytes.length, ...bytes];
  if (bytes.length < 256) return [0x78, bytes.length, ...bytes];
  return [0x79, bytes.length >> 8, bytes.length & 255, ...bytes];
}

function read(request: RecordedRequest & { bytes?: Uint8Array }): Envelope {
  const headers = new Headers(request.headers);
  if (request.type !== undefined) headers.set("content-type", types[request.type] ?? request.type);
  if (request.target !== undefined) {
    headers.set("x-amz-target", request.target.replace("~", "Kinesis_20131202"));
  }
  const { method = "POST", query = "", body = "" } = request;
  const bytes = request.bytes ?? encode(body);
  return readEnvelope({ method, headers, query, body: bytes }, operations, codecs, () => ids);
}

const codecs = { json: jsonCodec, cbor: cborCodec };

const ids = { requestId: "the-request", extendedId: "extended" };

const idHeaders = { "x-amzn-requestid": "the-request", "x-amz-id-2": "extended" };

function encode(body: string): Uint8Array {
  return body.startsWith("hex ") ? Buffer.from(body.slice(4), "hex") : Buffer.from(body);
}

function answer(envelope: Envelope): Answer {
  if (envelope.kind !== "answer") throw new Error("a call");
  return envelope;
}

function call(envelope: Envelope): EnvelopeCall {
  if (envelope.kind !== "call") throw new Error(Buffer.from(envelope.body).toString());
  return envelope;
}

const signed: RecordedRequest = {
  type: "json",
  target: "~.ListStreams",
  headers: {
    authorization:
      "AWS4-HMAC-SHA256 Credential=k/d/r/kinesis/aws4_request, SignedHeaders=a;b, Signature=ff",
    "x-amz-date": "20260101T000000Z",
  },
  body: "{}",
};

describe("envelope: as kinesalite answers", () => {
  test.each(envelopeRows)("%s", (_, request, expected) => {
    const envelope = read(request);
    if (expected === "call") {
      expect(envelope.kind).toBe("call");
      return;
    }
    const [status, type, body] = expected;
    const headers = type === "none" ? idHeaders : { ...idHeaders, "content-type": types[type] };
    expect(answer(envelope)).toEqual({
      kind: "answer",
      status,
      headers,
      body: new Uint8Array(encode(body)),
    });
  });
});

describe("envelope: requests from a browser", () => {
  test("a preflight is answered with what it asks for and no id-2", () => {
    const headers = {
      origin: "https://example.com",
      "access-control-request-headers": "a, b, c",
      "access-control-request-method": "POST",
    };
    expect(answer(read({ method: "OPTIONS", headers }))).toEqual({
      kind: "answer",
      status: 200,
      headers: {
        "x-amzn-requestid": "the-request",
        "access-control-allow-origin": "*",
        "access-control-max-age": "172800",
        "access-control-allow-headers": "a, b, c",
        "access-control-allow-methods": "POST",
      },
      body: new Uint8Array(),
    });
  });

  test("a preflight that asks for nothing is allowed nothing", () => {
    const { headers } = answer(read({ method: "OPTIONS", headers: { origin: "o" } }));
    expect(Object.keys(headers)).toEqual([
      "x-amzn-requestid",
      "access-control-allow-origin",
      "access-control-max-age",
    ]);
  });

  test("every other answer and reply may be read by any origin", () => {
    const cors = {
      ...idHeaders,
      "access-control-allow-origin": "*",
      "access-control-expose-headers":
        "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date",
    };
    expect(answer(read({ method: "GET", headers: { origin: "o" } })).headers).toEqual(cors);
    const request = { ...signed, headers: { ...signed.headers, origin: "o" } };
    expect(call(read(request)).headers).toEqual(cors);
  });
});

describe("envelope: a call", () => {
  test("says what is asked, how to answer and who claims to ask", () => {
    expect(read({ ...signed, body: '{"Limit":1}' })).toEqual({
      kind: "call",
      operation: operations.get("ListStreams"),
      read: expect.any(Function) as unknown,
      codec: jsonCodec,
      authorization: {
        form: "header",
        algorithm: "AWS4-HMAC-SHA256",
        credential: "k/d/r/kinesis/aws4_request",
        signedHeaders: ["a", "b"],
        signature: "ff",
        date: "20260101T000000Z",
        expires: undefined,
        securityToken: undefined,
      },
      headers: idHeaders,
    });
  });

  test("carries the pieces of a presigned query", () => {
    const query = new URLSearchParams({
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-Credential": "k/d/r/kinesis/aws4_request",
      "X-Amz-Date": "20260101T000000Z",
      "X-Amz-Expires": "60",
      "X-Amz-SignedHeaders": "content-type;host;x-amz-target",
      "X-Amz-Security-Token": "token",
      "X-Amz-Signature": "ff",
    }).toString();
    const request = { type: "json", target: "~.ListStreams", query, body: "{}" };
    expect(call(read(request)).authorization).toEqual({
      form: "query",
      algorithm: "AWS4-HMAC-SHA256",
      credential: "k/d/r/kinesis/aws4_request",
      signedHeaders: ["content-type", "host", "x-amz-target"],
      signature: "ff",
      date: "20260101T000000Z",
      expires: "60",
      securityToken: "token",
    });
  });

  test("a header keeps what follows the first equals sign, and the Date header will do", () => {
    const headers = {
      authorization: "AWS4-HMAC-SHA256 Credential=a=b,SignedHeaders=c,Signature=d==",
      date: "today",
      "x-amz-security-token": "token",
    };
    expect(call(read({ ...signed, headers })).authorization).toMatchObject({
      credential: "a=b",
      signature: "d==",
      date: "today",
      securityToken: "token",
    });
  });

  test("CBOR is answered in CBOR", () => {
    expect(call(read({ ...signed, type: "cbor", body: "hex a0" })).codec).toBe(cborCodec);
  });

  test("an error found later goes out with the headers of the call", () => {
    const { codec, headers } = call(read(signed));
    const error = new KinesisError("ResourceNotFoundException", "gone");
    expect(answerError(error, codec, headers)).toEqual({
      kind: "answer",
      status: 400,
      headers: { ...idHeaders, "content-type": "application/x-amz-json-1.1" },
      body: jsonCodec.encode({ __type: "ResourceNotFoundException", message: "gone" }),
    });
  });
});

describe("envelope: bodies that are not read", () => {
  test.each([
    ["json", jsonCodec],
    ["cbor", cborCodec],
  ])("one byte too many is a 413 of the service's form, in %s", (type, codec) => {
    const bytes = new Uint8Array(requestBodyBytesMax + 1);
    const name = "RequestEntityTooLargeException";
    const message = `The request's body is larger than ${requestBodyBytesMax} bytes.`;
    expect(read({ ...signed, type, bytes })).toEqual({
      kind: "answer",
      status: 413,
      headers: { ...idHeaders, "content-type": types[type] },
      body: codec.encode({ __type: name, message }),
    });
  });

  test("media types are compared without regard to case", () => {
    for (const type of [
      "Application/X-AMZ-JSON-1.1",
      "APPLICATION/x-amz-json-1.1; charset=UTF-8",
    ]) {
      expect(call(read({ ...signed, type })).codec).toBe(jsonCodec);
    }
    expect(
      call(read({ ...signed, type: "application/X-Amz-Cbor-1.1", bytes: Uint8Array.of(0xa0) }))
        .codec,
    ).toBe(cborCodec);
  });

  test("10 MiB of records in base64 fit", () => {
    expect(requestBodyBytesMax).toBeGreaterThan((10 * 1024 * 1024 * 4) / 3 + 500 * 2048);
  });

  test.each([
    ["broken UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["a byte order mark", Buffer.from("\ufeff{}")],
  ])("%s is not JSON", (_, bytes) => {
    const { status, body } = answer(read({ ...signed, bytes }));
    expect(status).toBe(400);
    expect(Buffer.from(body).toString()).toBe('{"__type":"SerializationException"}');
  });
});
