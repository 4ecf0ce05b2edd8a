// The kept certificate beside the clock, which the tests over sockets leave as it is.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { keepCertificate } from "../../local/certificate.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-certificate-"));
const dayMs = 86_400_000;

afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

test("a certificate is replaced a month before it expires, and not earlier", async () => {
  const nowMs = Date.now();
  const first = await keepCertificate(folder, []);
  vi.useFakeTimers({ now: nowMs + 765 * dayMs, toFake: ["Date"] });
  expect(await keepCertificate(folder, [])).toEqual(first);
  vi.setSystemTime(nowMs + 775 * dayMs);
  const second = await keepCertificate(folder, []);
  expect(second.cert).not.toBe(first.cert);
  expect(await keepCertificate(folder, [])).toEqual(second);
});
