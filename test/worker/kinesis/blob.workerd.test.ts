import { expect, test } from "vitest";
import { testBlobs } from "./blob-cases.ts";

test("base64: the runtime decodes natively", () => {
  expect(typeof Uint8Array.prototype.setFromBase64).toBe("function");
});

testBlobs();
