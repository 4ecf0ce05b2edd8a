// A body that the front keeps: a client that has sent all of it may try again when the front cannot give it.
import { afterEach, expect, test, vi } from "vitest";
import { manifestHeader } from "../../../worker/engine/putManifest.ts";
import { readBody } from "../../../worker/http/body.ts";
import { openKept } from "../../../worker/http/keptBody.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const lost = new Error("Network connection lost.");

function halfOfIt(): Response {
  const parts = [new TextEncoder().encode("half")];
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const part = parts.shift();
    if (part === undefined) controller.error(lost);
    else controller.enqueue(part);
  };
  return new Response(new ReadableStream({ pull }));
}

test.each<[what: string, fetch: () => Promise<Response>]>([
  ["does not answer", () => Promise.reject(lost)],
  ["has it no longer", async () => new Response("gone", { status: 410 })],
  ["is cut off", async () => halfOfIt()],
])("a put is refused for now if the front %s", async (_, fetch) => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const headers = { [manifestHeader]: "secret" };
  const body = JSON.stringify({ id: "1", bodyBytes: 8 });
  const request = new Request("http://localhost/", { method: "POST", headers, body });
  const sent = await openKept(request, { fetch }, "secret");
  await expect(readBody(sent, 100)).rejects.toMatchObject({ code: "overloaded" });
  expect(errors).toHaveBeenCalledOnce();
});
