// Pages of more than a megabyte, which are sent from memory that they share: many clients at once, of
// whom some read, some stop for a while with several pages under way, and some go away. Whoever reads
// gets the records that were asked for, and no others. So it is where the Worker prints the pages, and
// where the front prints them.

import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { KinesisClient, makeRequest } from "../../bench/http/kinesis.ts";
import { startServer } from "./server.ts";

const recordsOfPage = 1000;
const pageCount = 6;
const clientCount = 12;
/** So many pages at once are more than the kernel takes for a client that does not read. */
const pagesAtOnce = 4;

test.each([
  ["direct", 0],
  ["endpoint", clientCount],
])(
  "clients of %s that read, that stop for a while and that go away get no other's records",
  async (name, orderedMin) => {
    await using server = await startServer();
    const { hostname: host, port } = new URL(
      new RegExp(`${name} +(http:\\S+)`).exec(server.banner)![1]!,
    );
    const address = { host, port: Number(port) };
    const client = await KinesisClient.open(address);
    await client.createStream("pages", 1);
    for (let first = 0; first < pageCount * recordsOfPage; first += 500) {
      const Records = Array.from({ length: 500 }, (_, i) => ({
        PartitionKey: "key",
        Data: dataOf(first + i).toString("base64"),
      }));
      await client.call("PutRecords", { StreamName: "pages", Records });
    }
    const iterators = [await client.iterator("pages", 0, "TRIM_HORIZON")];
    while (iterators.length < pageCount) {
      const input = { ShardIterator: iterators.at(-1), Limit: recordsOfPage };
      iterators.push(String((await client.call("GetRecords", input))["NextShardIterator"]));
    }
    // The front prints what was read several times.
    const read = (ShardIterator: unknown) =>
      client.call("GetRecords", { ShardIterator, Limit: recordsOfPage });
    for (let i = 0; i < 3; i++) for (const iterator of iterators) await read(iterator);
    while (orderedMin > (await orderedPages(server.endpoint))) {
      for (const iterator of iterators) await read(iterator);
    }
    const orderedBefore = await orderedPages(server.endpoint);
    client.close();
    const requests = iterators.map((ShardIterator) =>
      makeRequest(address, "GetRecords", { ShardIterator, Limit: recordsOfPage }),
    );
    const pageAt = (i: number): number => i % pageCount;
    const ask = async (first: number): Promise<Socket> => {
      const socket = connect(address.port, address.host);
      await once(socket, "connect");
      const pages = Array.from({ length: pagesAtOnce }, (_, i) => pageAt(first + i));
      socket.write(Buffer.concat(pages.map((page) => requests[page]!)));
      return socket;
    };

    const stopped = await Promise.all(Array.from({ length: 6 }, (_, i) => ask(i)));
    for (const socket of stopped) socket.pause();
    const others = Array.from({ length: clientCount - stopped.length }, async (_, i) => {
      const socket = await ask(i);
      if (i % 3 > 0) return expectPages(socket, i);
      await once(socket, "data");
      socket.destroy();
    });
    await Promise.all(others);
    await Promise.all(stopped.map((socket, i) => expectPages(socket, i)));
    const ordered = await orderedPages(server.endpoint);
    if (orderedMin === 0) expect(ordered).toBe(0);
    else expect(ordered - orderedBefore).toBeGreaterThanOrEqual(orderedMin);
    const { stderr } = await server.stop();
    expect(stderr).toBe("");
  },
);

/** Each would hold the memory for ten seconds, one after the other. */
const leavingCount = 30;

test("clients that leave while their pages wait for memory hold up nobody", async () => {
  await using server = await startServer();
  const { hostname: host, port } = new URL(/direct +(http:\S+)/.exec(server.banner)![1]!);
  const address = { host, port: Number(port) };
  const client = await KinesisClient.open(address);
  await client.createStream("left", 1);
  // Pages of ten megabytes: while one is sent, there is no room for another one. Nor are they all in the isolate's cache.
  await client.fill("left", 10_000, 6000, 400);
  const iterators = [await client.iterator("left", 0, "TRIM_HORIZON")];
  while (iterators.length < 5) {
    const input = { ShardIterator: iterators.at(-1) };
    iterators.push(String((await client.call("GetRecords", input))["NextShardIterator"]));
  }
  const ask = async (ShardIterator: string): Promise<Socket> => {
    const socket = connect(address.port, address.host);
    await once(socket, "connect");
    socket.write(makeRequest(address, "GetRecords", { ShardIterator }));
    return socket;
  };
  const stopped = await ask(iterators[0]!);
  await once(stopped, "readable");
  const leaving = await Promise.all(
    Array.from({ length: leavingCount }, (_, i) => ask(iterators[i % iterators.length]!)),
  );
  // workerd has what was sent before.
  await client.call("ListShards", { StreamName: "left" });
  for (const socket of leaving) socket.resetAndDestroy();
  stopped.destroy();
  const { Records } = await client.call("GetRecords", { ShardIterator: iterators[0] });
  expect((Records as object[]).length).toBeGreaterThan(900);
  client.close();
  expect((await server.stop()).stderr).toBe("");
}, 60_000);

/** Reads all pages that were asked for, from page `first` on, and closes the connection. */
async function expectPages(socket: Socket, first: number): Promise<void> {
  const expectedPages = Array.from({ length: pagesAtOnce }, (_, i) => (first + i) % pageCount);
  let parts: Buffer[] = [];
  let [receivedBytes, replyBytes] = [0, Infinity];
  for await (const data of socket) {
    parts.push(data as Buffer);
    receivedBytes += (data as Buffer).length;
    if (replyBytes === Infinity) replyBytes = replyBytesOf(Buffer.concat(parts));
    while (receivedBytes >= replyBytes) {
      const received = Buffer.concat(parts);
      expectReply(received.subarray(0, replyBytes), expectedPages.shift()!);
      const rest = received.subarray(replyBytes);
      [parts, receivedBytes, replyBytes] = [[rest], rest.length, replyBytesOf(rest)];
    }
    if (expectedPages.length === 0) break;
  }
  expect([expectedPages.length, receivedBytes]).toEqual([0, 0]);
}

/** Bytes of the reply that begins here; Infinity until its head is there. */
function replyBytesOf(received: Buffer): number {
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd < 0) return Infinity;
  const head = received.subarray(0, headEnd).toString("latin1");
  return headEnd + 4 + Number(/^content-length: (\d+)/im.exec(head)?.[1]);
}

function expectReply(reply: Buffer, page: number): void {
  const headEnd = reply.indexOf("\r\n\r\n");
  expect(reply.subarray(0, 13).toString("latin1")).toBe("HTTP/1.1 200 ");
  expectPage(reply.subarray(headEnd + 4), page);
}

function expectPage(body: Buffer, page: number): void {
  const { Records } = JSON.parse(body.toString()) as { Records: { Data: string }[] };
  const start = page * recordsOfPage;
  const wrong = Records.findIndex(
    ({ Data }, i) => !Buffer.from(Data, "base64").equals(dataOf(start + i)),
  );
  expect([Records.length, wrong]).toEqual([recordsOfPage, -1]);
}

/** How many pages the front has printed. */
async function orderedPages(endpoint: string): Promise<number> {
  const metrics = await (await fetch(`${endpoint}/metrics`)).text();
  return Number(/^millrace_ordered_pages_total (\d+)/m.exec(metrics)?.[1]);
}

/** A kilobyte that no other record has. */
function dataOf(index: number): Buffer {
  return Buffer.alloc(1024, `record ${index} `);
}
