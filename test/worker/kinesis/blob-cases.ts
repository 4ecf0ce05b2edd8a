// Base64 texts and what becomes of them, for every decoder there is: Node falls back on Buffer,
// workerd decodes natively.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BlobArena, decodeBlob } from "../../../worker/kinesis/blob.ts";
import { KinesisError } from "../../../worker/kinesis/errors.ts";

const accepted: readonly (readonly [string, readonly number[]])[] = [
  ["", []],
  ["AA==", [0]],
  ["/w==", [255]],
  ["AQI=", [1, 2]],
  ["AQID", [1, 2, 3]],
  ["+/+/", [251, 255, 191]],
  ["AQIDBA==", [1, 2, 3, 4]],
];

const lastCharacter = "Invalid last non-pad Base64 character dectected";
const invalid = (character: string): string => `Invalid Base64 character: '${character}'`;

const refused: readonly (readonly [string, string])[] = [
  ["23456", "Base64 encoded length is expected a multiple of 4 bytes but found: 5"],
  ["A", "Base64 encoded length is expected a multiple of 4 bytes but found: 1"],
  ["=+/=", invalid("=")],
  ["A=AA", invalid("=")],
  ["AA=A", invalid("=")],
  ["AA==AAAA", invalid("=")],
  ["+/+=", lastCharacter],
  ["AB==", lastCharacter],
  ["AAB=", lastCharacter],
  ["A===", lastCharacter],
  ["====", lastCharacter],
  ["AAAA====", lastCharacter],
  ["AA A", invalid(" ")],
  ["    ", invalid(" ")],
  ["AAAA    ", invalid(" ")],
  ["AAAA\n\n==", invalid("\n")],
  ["AB-_", invalid("-")],
  ["A_AA", invalid("_")],
  ["aéaa", invalid("é")],
  ["AAA\0", invalid("\0")],
];

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function testBlobs(): void {
  test.each(accepted)("base64 %j is %j", (text, bytes) => {
    expect([...decodeBlob(text, new BlobArena(16))]).toEqual(bytes);
    expect([...decodeBlob(text, new BlobArena(0))]).toEqual(bytes);
  });

  test.each(refused)("base64 %j is refused: %s", (text, fault) => {
    expect(() => decodeBlob(text, new BlobArena(16))).toThrow(
      new KinesisError(
        "SerializationException",
        `'${text}' can not be converted to a Blob: ${fault}`,
      ),
    );
  });

  test("base64: what is accepted is what encodes to the same text", () => {
    const character = fc.constantFrom(...alphabet.split(""), "=", "=", "-", " ", "\n");
    const text = fc.array(character, { maxLength: 12 }).map((characters) => characters.join(""));
    fc.assert(
      fc.property(text, (candidate) => {
        const canonical = btoa(atobLeniently(candidate)) === candidate;
        expect(decodes(candidate)).toBe(canonical);
      }),
      { numRuns: 5000 },
    );
  });

  test("base64: bytes of any length come back, one after another in one buffer", () => {
    const records = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(records, (blobs) => {
        const arena = new BlobArena(blobs.reduce((sum, { length }) => sum + length, 0));
        let end = 0;
        for (const bytes of blobs) {
          const blob = decodeBlob(btoa(String.fromCharCode(...bytes)), arena);
          expect([...blob]).toEqual([...bytes]);
          expect(blob.byteOffset).toBe(end);
          end += blob.length;
        }
      }),
    );
  });
}

function decodes(text: string): boolean {
  try {
    decodeBlob(text, new BlobArena(16));
    return true;
  } catch {
    return false;
  }
}

/** Empty for what even the lenient decoder of the platform refuses. */
function atobLeniently(text: string): string {
  try {
    return atob(text);
  } catch {
    return "";
  }
}
