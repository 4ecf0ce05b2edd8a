// Measures zstd on a segment: ratio and time per MiB, both ways, on JSON-like and on random bytes,
// with the time of the existing checksum for comparison. Run it with node directly.
// docs/COMPRESSION.md has the conclusion.
import { randomBytes } from "node:crypto";
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";

const MIB = 1024 * 1024;
const ROUNDS = 30;

/** Orders of a shop, one after the other: regular data, as such records are. */
function jsonBytes(): Buffer {
  const cities = ["berlin", "paris", "tokyo", "lima", "oslo"];
  const states = ["new", "paid", "sent"];
  let text = "";
  for (let i = 0; text.length < MIB; i++) {
    text += JSON.stringify({
      order: `o-${100_000 + i * 7}`,
      customer: `c${(i * 2_654_435_761) % 50_000}`,
      city: cities[i % cities.length],
      amount: ((i * 37) % 10_000) / 100,
      status: states[i % states.length],
      at: new Date(1_767_268_800_000 + i * 137).toISOString(),
      items: [{ sku: `s${i % 977}`, count: (i % 4) + 1 }],
    });
  }
  return Buffer.from(text).subarray(0, MIB);
}

/** The best of some rounds, in milliseconds. */
function timeOf(run: () => unknown): string {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best.toFixed(2);
}

console.log("1 MiB         level  ratio  compress ms  decompress ms  crc32 ms");
for (const [name, bytes] of [
  ["JSON-like", jsonBytes()],
  ["random", randomBytes(MIB)],
] as const) {
  for (const level of [1, 3]) {
    const options = { params: { [constants.ZSTD_c_compressionLevel]: level } };
    const packed = zstdCompressSync(bytes, options);
    const cells = [
      name.padEnd(13),
      String(level).padStart(5),
      (bytes.length / packed.length).toFixed(1).padStart(6),
      timeOf(() => zstdCompressSync(bytes, options)).padStart(12),
      timeOf(() => zstdDecompressSync(packed)).padStart(14),
      timeOf(() => crc32(bytes)).padStart(9),
    ];
    console.log(cells.join(" "));
  }
}
