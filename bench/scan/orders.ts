// The records that the scan benchmark works on: orders of 1 KiB as JSON, of 10,000 customers, with text of everyday
// words in them. Everything is made from constants. One record in a hundred has failed, one in 10,000 has been lost.

import { packChunk } from "../../test/reference/pack.ts";

export interface Order {
  key: string;
  data: Buffer;
}

const dataBytes = 1024;
const words = (
  "the quick brown fox jumps over a lazy dog while shipping containers move between ports of call and invoices " +
  "wait for a clerk who reads them twice before lunch"
).split(" ");
const regions = ["eu-west", "us-east", "ap-south"];
const firstMs = 1_752_000_000_000;

/** A number below `count`, from the order's own number and a purpose. */
function draw(i: number, purpose: number, count: number): number {
  let bits = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(purpose + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0xc2b2ae35);
  return ((bits ^ (bits >>> 13)) >>> 0) % count;
}

function textOf(i: number, purpose: number, count: number): string {
  return Array.from(
    { length: count },
    (_, at) => words[draw(i, purpose * 100 + at, words.length)],
  ).join(" ");
}

/** Order `i`: the same bytes in every run. */
export function makeOrder(i: number): Order {
  const customer = draw(i, 1, 10_000);
  const order = {
    id: `ord-${i}`,
    type: "order",
    status: statusOf(i),
    amount: draw(i, 3, 100_000) / 100,
    currency: "EUR",
    region: regions[draw(i, 4, 3)],
    customer: {
      id: `c-${customer}`,
      name: textOf(i, 5, 2),
      address: { street: textOf(i, 6, 3), city: textOf(i, 7, 1), zip: String(draw(i, 8, 99_999)) },
      tier: draw(i, 9, 5),
    },
    items: [0, 1, 2, 3].map((item) => ({
      sku: `sku-${draw(i, 20 + item, 1_000_000)}`,
      quantity: draw(i, 30 + item, 9),
      price: draw(i, 40 + item, 9999) / 100,
    })),
    flags: { gift: draw(i, 10, 2) === 0, express: draw(i, 11, 2) === 0, note: null },
    created: firstMs + i,
    message: "",
  };
  const left = dataBytes - Buffer.byteLength(JSON.stringify(order));
  order.message = textOf(i, 12, 200).slice(0, Math.max(left, 0));
  return { key: `customer-${customer}`, data: Buffer.from(JSON.stringify(order)) };
}

function statusOf(i: number): string {
  if (i % 10_000 === 5000) return "lost";
  return draw(i, 2, 100) === 0 ? "failed" : (["ok", "pending", "shipped"][draw(i, 13, 3)] ?? "ok");
}

/** The orders as a segment holds them. */
export function packOrders(orders: readonly Order[]): Uint8Array {
  const records = orders.map(({ key, data }, i) => ({
    key: Buffer.from(key),
    info: new Uint8Array(0),
    data,
    timeMs: firstMs + i,
  }));
  return packChunk({ firstIndex: 0, timeOrdinal: 0, records });
}
