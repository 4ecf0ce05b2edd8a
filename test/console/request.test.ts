// What the console says when no answer comes, or another one than a server of Millrace gives.
import { afterEach, beforeEach, expect, it, vi } from "vitest";

let send: typeof import("../../console/api/request.ts").send;

beforeEach(async () => {
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("location", { host: "localhost" });
  ({ send } = await import("../../console/api/request.ts"));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function get(reply: (init: RequestInit) => Promise<Response>): Promise<string> {
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => reply(init));
  return send({ method: "GET", path: "/metrics", replyMs: 15_000 });
}

it("a connection that was lost without a word is given up", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const sent = get(
    ({ signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      }),
  );
  const refused = expect(sent).rejects.toMatchObject({
    name: "Unreachable",
    message: "The server does not answer.",
  });
  await vi.advanceTimersByTimeAsync(16_000);
  await refused;
});

it("a reply whose head came in time may take any time for its body", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const body = Promise.withResolvers<string>();
  let given: AbortSignal | null | undefined;
  const text = get(async ({ signal }) => {
    given = signal;
    return Object.assign(new Response(), { text: () => body.promise });
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(given?.aborted).toBe(false);
  body.resolve("late");
  expect(await text).toBe("late");
});

it("a page of what stands between is told in words", async () => {
  const page = new Response("<html><h1>502 Bad Gateway</h1></html>", { status: 502 });
  await expect(get(async () => page)).rejects.toMatchObject({
    name: "Status 502",
    message: "What answers at this address is not Millrace.",
  });
});
