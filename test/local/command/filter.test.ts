// A pattern of records on its way to the service: as a header of one line of ASCII, and not to a service that would
// send all records.
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KinesisClient } from "../../../command/service/client.ts";

const asked: IncomingHttpHeaders[] = [];
let isMillrace = true;

const service = createServer((request, response) => {
  asked.push(request.headers);
  if (isMillrace) response.setHeader("x-millrace-scanned", "records=1 bytes=1");
  response.end("{}");
});

let client: KinesisClient;

beforeAll(async () => {
  await new Promise<void>((done) => service.listen(0, "127.0.0.1", done));
  const { port } = service.address() as AddressInfo;
  client = new KinesisClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
  });
});

afterAll(() => {
  service.close();
  service.closeAllConnections();
});

test("a pattern is sent as ASCII in one line, and signed", async () => {
  const where = '{\n\t"data": { "caf\u00e9": ["a  b", "\u{1f600}"] } }';
  await client.call("GetRecords", {}, { where });
  const [{ authorization, "x-millrace-filter": sent } = {}] = asked.splice(0);
  expect(sent).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(String(sent))).toEqual(JSON.parse(where));
  expect(authorization).toContain("x-millrace-filter");
});

test("without a pattern nothing is sent", async () => {
  await client.call("GetRecords", {});
  expect(asked.splice(0)[0]).not.toHaveProperty("x-millrace-filter");
});

test("a service that does not tell what it looked at has not selected", async () => {
  isMillrace = false;
  await expect(client.call("GetRecords", {}, { where: '{"data":["a"]}' })).rejects.toThrow(
    /does not select records: --where needs Millrace$/,
  );
  await expect(client.call("GetRecords", {})).resolves.toBeDefined();
});
