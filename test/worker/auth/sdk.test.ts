// Requests as the AWS SDK for JavaScript signs them, caught before they are sent.
import { GetRecordsCommand, KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { expect, test } from "vitest";
import { verifySignature } from "../../../worker/auth/sigv4.ts";
import { envelopeOf, type Key, key, type PlainRequest, ringOf } from "./requests.ts";
import { parseTime } from "../../../worker/auth/time.ts";

const temporary = { ...key, accessKeyId: "ASIATEMPORARY", sessionToken: "to+ken/=" };
const keys = ringOf(key, temporary);

const put = new PutRecordsCommand({
  StreamName: "orders",
  Records: [{ Data: new Uint8Array([0, 255]), PartitionKey: "ümläut ☃" }],
});
const get = new GetRecordsCommand({ ShardIterator: "AAAA+/==", Limit: 10 });

const cases = [
  ["PutRecords, port in host", put, key, "http://127.0.0.1:4567"],
  ["GetRecords, port in host", get, key, "http://127.0.0.1:4567"],
  ["PutRecords, session token", put, temporary, "http://127.0.0.1:4567"],
  ["PutRecords, no port", put, key, "https://millrace.example.workers.dev"],
  ["PutRecords, a path of its own", put, key, "https://example.com/ru-central1/b1g/etn/"],
] as const;

test.each(
  cases.flatMap(
    (example) =>
      [
        [...example, "http/1.1"],
        [...example, "h2"],
      ] as const,
  ),
)("%s", async (_, command, credentials, endpoint, handlerProtocol) => {
  const request = await capture(command, credentials, endpoint, handlerProtocol);
  const envelope = envelopeOf(request);
  const atMs = parseTime(envelope.authorization.date) as number;
  expect(verifySignature(envelope, keys, ["kinesis"], atMs)).toMatchObject({
    principal: { accessKeyId: credentials.accessKeyId },
    region: "eu-west-1",
  });
  const altered = { ...envelope, body: new TextEncoder().encode(`${request.body} `) };
  expect(verifySignature(altered, keys, ["kinesis"], atMs)).toMatchObject({
    name: "InvalidSignatureException",
  });
});

/** As the client hands it to whatever sends it. */
interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly query: object;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

/** What the client would have sent. */
async function capture(
  command: PutRecordsCommand | GetRecordsCommand,
  { accessKeyId, secretAccessKey, sessionToken }: Key,
  endpoint: string,
  handlerProtocol: string,
): Promise<PlainRequest> {
  let caught: PlainRequest | undefined;
  const handle = ({ method, path, query, headers, body }: SdkRequest): Promise<never> => {
    expect(query).toEqual({});
    const text = typeof body === "string" ? body : new TextDecoder().decode(body);
    // HTTP/2 has no Host: its pseudo-header arrives as one.
    const sent = Object.entries(headers).map(
      ([name, value]) => [name === ":authority" ? "host" : name, value] as const,
    );
    expect(sent.some(([name]) => name === "host")).toBe(true);
    expect(":authority" in headers).toBe(handlerProtocol === "h2");
    caught = { method, path, query: "", headers: sent, body: text };
    return Promise.reject(new Error("caught"));
  };
  const client = new KinesisClient({
    region: "eu-west-1",
    endpoint,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
    requestHandler: { handle, metadata: { handlerProtocol } },
    maxAttempts: 1,
  });
  const sent = command instanceof PutRecordsCommand ? client.send(command) : client.send(command);
  await expect(sent).rejects.toThrow("caught");
  if (!caught) throw new Error("the client sent nothing");
  return caught;
}
