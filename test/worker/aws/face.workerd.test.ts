// What clients of other AWS services are answered: a refusal that names the service, in the form that
// their SDK reads; and the two operations that clients of Kinesis need besides.

import { env, exports } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import edge from "../../../worker/index.ts";
import { tally } from "../../../worker/core/tally.ts";
import { hexSha256 } from "../../../worker/auth/canonical.ts";
import { formatTime } from "../../../worker/auth/time.ts";
import { decodeCbor } from "../../../worker/codec/cborReader.ts";
import { writeCbor } from "../../../worker/codec/cborWriter.ts";
import type { Env } from "../../../worker/core/bindings.ts";
import { keysOf, secretOf } from "../access/keys.ts";
import { sign } from "../auth/requests.ts";

const form = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
const json = { "content-type": "application/x-amz-json-1.0" };
const rpc = { "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor" };
const granite = "GraniteServiceVersion20100801";
const rpcPath = `/service/${granite}/operation/PutMetricData`;
const open = { MILLRACE_ACCESS: "open" };
const keys = keysOf([{ accessKeyId: "KPL", account: "111122223333", allow: [] }]);

interface Sent {
  method?: string;
  path?: string;
  service: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  accessKeyId?: string;
  secret?: string;
}

async function send(access: Partial<Env>, sent: Sent) {
  const { method = "POST", path = "/", service, headers, body = "" } = sent;
  const { accessKeyId = "KPL", secret = secretOf(accessKeyId) } = sent;
  const signedAt = formatTime(Date.now());
  const plain = {
    method,
    path,
    query: "",
    headers: Object.entries({ ...headers, host: "localhost", "x-amz-date": signedAt }),
    body: "",
  };
  const signed = sign(plain, {
    key: { accessKeyId, secretAccessKey: secret },
    scope: `${signedAt.slice(0, 8)}/us-east-1/${service}/aws4_request`,
    signedAt,
    payloadHash: hexSha256(body),
  });
  const request = new Request(`http://localhost${path}`, {
    method,
    headers: signed.headers.map(([name, value]) => [name, value]),
    ...(method === "POST" && { body }),
  });
  const { MILLRACE_ACCESS: _, ...others } = env;
  const ctx = { exports, waitUntil: () => {} } as unknown as ExecutionContext;
  const reply = await edge.fetch(
    request as Parameters<typeof edge.fetch>[0],
    { ...others, ...access },
    ctx,
  );
  const bytes = new Uint8Array(await reply.arrayBuffer());
  return {
    status: reply.status,
    headers: reply.headers,
    bytes,
    text: new TextDecoder().decode(bytes),
  };
}

const toCbor = (value: unknown) =>
  writeCbor(value, { indefinite: false, sorted: false, singles: false });

describe.each([
  ["an open server", open],
  ["a server with keys", keys],
  ["a server that nobody may use", {}],
])("%s refuses by name", (_, access) => {
  test("AWS JSON, in the version that was asked", async () => {
    for (const version of ["1.0", "1.1"]) {
      const type = `application/x-amz-json-${version}`;
      const headers = { "content-type": type, "x-amz-target": "DynamoDB_20120810.ListTables" };
      const reply = await send(access, { service: "dynamodb", headers, body: "{}" });
      expect([reply.status, reply.headers.get("content-type")]).toEqual([400, type]);
      expect(JSON.parse(reply.text)).toEqual({
        __type: "UnknownOperationException",
        message: got("dynamodb (ListTables)"),
      });
    }
  });

  test("Smithy RPC v2 CBOR", async () => {
    const path = "/service/Other/operation/Do";
    const reply = await send(access, { path, service: "athena", headers: rpc, body: toCbor({}) });
    expect([reply.status, reply.headers.get("smithy-protocol")]).toEqual([400, "rpc-v2-cbor"]);
    expect(reply.headers.get("content-type")).toBe("application/cbor");
    expect(decodeCbor(reply.bytes)).toEqual({
      __type: "UnknownOperationException",
      message: got("athena (Do)"),
    });
  });

  test.each([
    ["sns", "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>"],
    ["ec2", "<Response><Errors><Error><Code>InvalidAction</Code>"],
  ])("the query protocol of %s", async (service, start) => {
    const reply = await send(access, { service, headers: form, body: "Action=List&Version=1" });
    expect([reply.status, reply.headers.get("content-type")]).toEqual([400, "text/xml"]);
    expect(reply.text).toContain(start);
    expect(reply.text).toContain(`<Message>${got(service)}</Message>`);
    expect(reply.headers.get("x-amzn-requestid")).toMatch(/^[\da-f-]{36}$/);
  });

  test("S3, whose HEAD has no body", async () => {
    const reply = await send(access, {
      method: "GET",
      path: "/bucket/key",
      service: "s3",
      headers: {},
    });
    expect([reply.status, reply.text]).toEqual([
      501,
      expect.stringContaining("<Error><Code>NotImplemented</Code>"),
    ]);
    expect(reply.text).toContain(got("s3"));
    const head = await send(access, {
      method: "HEAD",
      path: "/bucket",
      service: "s3",
      headers: {},
    });
    expect([head.status, head.text]).toEqual([501, ""]);
  });

  test("JSON over REST", async () => {
    const sent = { method: "GET", path: "/2015-03-31/functions", service: "lambda", headers: {} };
    const reply = await send(access, sent);
    expect([reply.status, JSON.parse(reply.text)]).toEqual([400, { message: got("lambda") }]);
    expect(reply.headers.get("x-amzn-errortype")).toBe("UnknownOperationException");
  });

  test("a door that is shut answers in the same forms", async () => {
    const headers = {
      ...json,
      "x-amz-target": "DynamoDB_20120810.ListTables",
      origin: "http://evil.example",
    };
    const reply = await send(access, { service: "dynamodb", headers });
    const isOpen = access === open;
    expect(reply.status).toBe(isOpen ? 403 : 400);
    expect(JSON.parse(reply.text)).toMatchObject({
      __type: isOpen ? "AccessDenied" : "UnknownOperationException",
    });
  });
});

describe("PutMetricData is counted and dropped", () => {
  const data = [
    { MetricName: "a", Value: 1 },
    { MetricName: "b", Value: 2 },
  ];
  const input = { Namespace: "KCL", MetricData: data, EntityMetricData: [{ MetricData: data }] };
  const query =
    "Action=PutMetricData&Version=2010-08-01&Namespace=KCL" +
    "&MetricData.member.1.MetricName=a&MetricData.member.1.Value=1&MetricData.member.2.MetricName=b" +
    "&EntityMetricData.member.1.MetricData.member.1.MetricName=MetricName" +
    "&EntityMetricData.member.1.MetricData.member.2.MetricName=d";
  const target = { ...json, "x-amz-target": `${granite}.PutMetricData` };
  const service = "monitoring";
  const cases: [string, Sent, number][] = [
    ["in a form", { service, headers: form, body: query }, 4],
    ["in AWS JSON", { service, headers: target, body: JSON.stringify(input) }, 4],
    ["in CBOR", { service, path: rpcPath, headers: rpc, body: toCbor(input) }, 4],
    ["without any", { service, headers: target, body: "{}" }, 0],
  ];

  describe.each([
    ["an open server", open],
    ["a server with keys", keys],
  ])("%s", (_, access) => {
    test.each(cases)("%s", async (_, sent, count) => {
      const before = tally.metricData;
      const reply = await send(access, sent);
      expect(reply.status).toBe(200);
      expect(tally.metricData - before).toBe(count);
      if (sent.headers === rpc) {
        expect([reply.text, reply.headers.get("smithy-protocol")]).toEqual(["", "rpc-v2-cbor"]);
      } else if (sent.headers === target) expect(reply.text).toBe("{}");
      else {
        expect(reply.text).toMatch(
          /<PutMetricDataResponse xmlns="http:\/\/monitoring.amazonaws.com\/doc\/2010-08-01\/"><ResponseMetadata><RequestId>[\da-f-]{36}<\/RequestId><\/ResponseMetadata><\/PutMetricDataResponse>$/,
        );
      }
    });

    test.each(cases)("%s, compressed", async (_, sent, count) => {
      const packed = await gzip(sent.body ?? "");
      const before = tally.metricData;
      const headers = { ...sent.headers, "content-encoding": "gzip" };
      const reply = await send(access, { ...sent, headers, body: packed });
      expect([reply.status, tally.metricData - before]).toEqual([200, count]);
    });
  });

  test.each<[string, Partial<Sent>, string]>([
    ["no JSON", { headers: target, body: "{" }, "SerializationException"],
    ["no CBOR", { path: rpcPath, headers: rpc, body: "{" }, "SerializationException"],
    ["a list", { headers: target, body: "[]" }, "SerializationException"],
    [
      "no gzip",
      { headers: { ...target, "content-encoding": "gzip" }, body: "{}" },
      "SerializationException",
    ],
  ])("%s is refused", async (_, sent, code) => {
    const reply = await send(open, { service, headers: json, ...sent });
    expect([reply.status, reply.text]).toEqual([400, expect.stringContaining(code)]);
  });

  test("a bomb is not unpacked, and a body that is too large is not read", async () => {
    const bomb = await gzip(new Uint8Array(50_000_000));
    const packed = { ...target, "content-encoding": "gzip" };
    const reply = await send(open, { service, headers: packed, body: bomb });
    expect([reply.status, reply.text]).toEqual([400, expect.stringContaining("too large")]);
    const large = await send(open, { service, headers: target, body: new Uint8Array(2_097_153) });
    expect([large.status, large.text]).toEqual([413, expect.stringContaining("2097152 bytes")]);
  });

  test("other operations of CloudWatch are refused by name", async () => {
    const reply = await send(keys, {
      service,
      headers: form,
      body: "Action=ListMetrics&Version=1",
    });
    expect([reply.status, reply.text]).toEqual([
      400,
      expect.stringContaining(
        "got monitoring (ListMetrics); of monitoring it answers PutMetricData alone.",
      ),
    ]);
  });
});

describe("GetCallerIdentity", () => {
  const body = "Action=GetCallerIdentity&Version=2011-06-15";
  const sts = { service: "sts", headers: form, body };

  test("is the principal of the access key", async () => {
    const reply = await send(keys, sts);
    expect(reply.status).toBe(200);
    expect(reply.text).toContain(
      '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>' +
        "<Arn>arn:aws:iam::111122223333:user/KPL</Arn><UserId>KPL</UserId><Account>111122223333</Account>" +
        "</GetCallerIdentityResult><ResponseMetadata><RequestId>",
    );
  });

  test("of an open server is anyone, in the account that the key names", async () => {
    const reply = await send(open, { ...sts, accessKeyId: "222233334444" });
    expect(reply.text).toContain("<Account>222233334444</Account>");
    expect((await send(open, sts)).text).toContain("<Account>000000000000</Account>");
  });
});

describe("with keys, what is served needs a good signature for its own service", () => {
  const body = "Action=GetCallerIdentity&Version=2011-06-15";
  test.each<[string, Partial<Sent>, string]>([
    ["another secret", { secret: "?" }, "SignatureDoesNotMatch"],
    ["an unknown key", { accessKeyId: "NOBODY" }, "InvalidClientTokenId"],
  ])("%s", async (_, changed, code) => {
    const reply = await send(keys, { service: "sts", headers: form, body, ...changed });
    expect([reply.status, reply.text]).toEqual([
      403,
      expect.stringContaining(`<Code>${code}</Code>`),
    ]);
    const before = tally.metricData;
    const cbor = { path: rpcPath, headers: rpc, body: toCbor({ MetricData: [{}] }) };
    const counted = await send(keys, { service: "monitoring", ...cbor, ...changed });
    expect([counted.status, tally.metricData]).toEqual([403, before]);
  });

  test("none at all, and one for another service", async () => {
    const { MILLRACE_ACCESS: _, ...others } = env;
    const ctx = { exports, waitUntil: () => {} } as unknown as ExecutionContext;
    const request = new Request(`http://localhost${rpcPath}`, {
      method: "POST",
      headers: rpc,
      body: toCbor({}),
    });
    const reply = await edge.fetch(
      request as Parameters<typeof edge.fetch>[0],
      { ...others, ...keys },
      ctx,
    );
    expect(decodeCbor(new Uint8Array(await reply.arrayBuffer()))).toMatchObject({
      __type: "MissingAuthenticationTokenException",
    });
    const other = await send(keys, {
      service: "kinesis",
      path: rpcPath,
      headers: rpc,
      body: toCbor({}),
    });
    expect(decodeCbor(other.bytes)).toMatchObject({ __type: "InvalidSignatureException" });
  });
});

function got(what: string): string {
  return `This is Millrace, which serves kinesis; got ${what}.`;
}

async function gzip(body: string | Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
