// What is asked of the scanner, and the same in plain TypeScript: the records of a chunk whose keys, bytes or JSON
// fulfil a condition. Plain code finds a record in the columns, as any reader of the format must, and then does the
// obvious: it compares keys as bytes, searches data with Buffer.includes, and reads JSON with JSON.parse.

import { timeMsAt, readHeader } from "../../worker/engine/chunk.ts";
import { recordData, recordKey } from "../../worker/engine/memory.ts";

interface OrderFields {
  status: string;
  amount: number;
  customer: { tier: number; address: { zip: string } };
}

export interface ScanContest {
  title: string;
  pattern: object;
  /** Number of records that match. */
  plain: (chunk: Uint8Array) => number;
}

const decoder = new TextDecoder();

export const contests: readonly ScanContest[] = [
  {
    title: "partition key equals",
    pattern: { partitionKey: ["customer-77"] },
    plain: (chunk) => {
      const wanted = Buffer.from("customer-77");
      const header = readHeader(chunk);
      return count(chunk, (i) => wanted.equals(recordKey(chunk, header, i)));
    },
  },
  {
    title: "arrival time after",
    pattern: { approximateArrivalTimestamp: [{ numeric: [">=", 1_752_000_000.5] }] },
    plain: (chunk) => {
      const header = readHeader(chunk);
      return count(chunk, (i) => timeMsAt(chunk, header, i) / 1000 >= 1_752_000_000.5);
    },
  },
  {
    title: "data contains, rare",
    pattern: { data: [{ contains: "express delivery" }] },
    plain: (chunk) =>
      countData(chunk, (data) =>
        Buffer.from(data.buffer, data.byteOffset, data.length).includes("express delivery"),
      ),
  },
  {
    title: "data contains, one in a hundred",
    pattern: { data: [{ contains: '"failed"' }] },
    plain: (chunk) =>
      countData(chunk, (data) =>
        Buffer.from(data.buffer, data.byteOffset, data.length).includes('"failed"'),
      ),
  },
  {
    title: "a field equals, one in a hundred",
    pattern: { data: { status: ["failed"] } },
    plain: (chunk) => countOrders(chunk, ({ status }) => status === "failed"),
  },
  {
    title: "a field equals, one in three",
    pattern: { data: { status: ["ok"] } },
    plain: (chunk) => countOrders(chunk, ({ status }) => status === "ok"),
  },
  {
    title: "a number is greater, one in a hundred",
    pattern: { data: { amount: [{ numeric: [">", 990] }] } },
    plain: (chunk) => countOrders(chunk, ({ amount }) => amount > 990),
  },
  {
    title: "five conditions over three fields",
    pattern: {
      data: {
        status: ["failed", "pending"],
        amount: [{ numeric: [">", 100, "<=", 900] }],
        customer: { tier: [{ "anything-but": [0] }], address: { zip: [{ prefix: "1" }] } },
      },
    },
    plain: (chunk) =>
      countOrders(
        chunk,
        ({ status, amount, customer }) =>
          (status === "failed" || status === "pending") &&
          amount > 100 &&
          amount <= 900 &&
          customer.tier !== 0 &&
          customer.address.zip.startsWith("1"),
      ),
  },
];

function count(chunk: Uint8Array, matches: (i: number) => boolean): number {
  const { count: records } = readHeader(chunk);
  let found = 0;
  for (let i = 0; i < records; i++) found += Number(matches(i));
  return found;
}

function countData(chunk: Uint8Array, matches: (data: Uint8Array) => boolean): number {
  return count(chunk, (i) => matches(recordData(chunk, i)));
}

function countOrders(chunk: Uint8Array, matches: (order: OrderFields) => boolean): number {
  return countData(chunk, (data) => matches(JSON.parse(decoder.decode(data)) as OrderFields));
}
