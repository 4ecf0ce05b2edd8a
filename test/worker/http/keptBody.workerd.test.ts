// A body that the front keeps: a client that has sent all of it may try again when the front cannot give it.
import { afterEach, expect, test, vi } from "vitest";
import { utf8 } from "../../../worker/codec/bytes.ts";
import { manifestHeader } from "../../../worker/engine/putManifest.ts";
import { readBody, releaseBody } from "../../../worker/http/body.ts";
import { GatheredRequest } from "../../../worker/http/gathered.ts";
import { manifestOf, openKept, openKeptCall } from "../../../worker/http/keptBody.ts";

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
  const call = openKeptCall(callWith(8), { fetch }, "secret");
  await expect(readBody(call, 100)).rejects.toMatchObject({ code: "overloaded" });
});

test("a call with a manifest is the request that the client has sent", async () => {
  const asked: unknown[] = [];
  const body = utf8("x".repeat(100_000));
  const fetch = async (url: unknown) => {
    asked.push(url);
    return new Response(body);
  };
  const call = openKeptCall(callWith(body.length), { fetch }, "secret");
  expect([call.method, call.url]).toEqual(["POST", "http://a/"]);
  for (const name of ["content-length", "Content-Length"]) {
    expect(call.headers.get(name)).toBe(`${body.length}`);
  }
  expect([call.headers.get("x-name"), call.headers.has("x-name")]).toEqual(["value", true]);
  expect(manifestOf(call)).toEqual({ id: "1", bodyBytes: body.length });
  expect(asked).toEqual([]);
  expect(await readBody(call, 200_000)).toEqual(body);
  releaseBody(call);
  expect(asked).toEqual(["http://front/body/1"]);
});

test("a call with another secret is a call like any other", () => {
  for (const secret of ["", "secre", "secret2"]) {
    const call = callWith(8, secret);
    expect(openKeptCall(call, { fetch: neverAsked }, "secret")).toBe(call);
    expect(manifestOf(call)).toBeUndefined();
  }
});

test.each(["the first part", "the answer"])(
  "when a call is answered, what the front has left of its body is given up, also before %s has come",
  async (what) => {
    let isGivenUp = false;
    const coming = Promise.withResolvers<void>();
    const rest = new ReadableStream({
      pull: (controller) => controller.enqueue(utf8("part")),
      cancel: () => void (isGivenUp = true),
    });
    const fetch = async () => {
      if (what === "the answer") await coming.promise;
      return new Response(rest);
    };
    const call = openKeptCall(callWith(100_000), { fetch }, "secret");
    const read = call.body!.getReader().read();
    read.catch(() => {});
    if (what === "the first part") expect((await read).value).toEqual(utf8("part"));
    releaseBody(call);
    coming.resolve();
    for (let turn = 0; turn < 100; turn++) await new Promise((done) => setTimeout(done));
    expect(isGivenUp).toBe(true);
  },
);

async function neverAsked(): Promise<Response> {
  throw new Error("nobody asks for a body");
}

/** A call that came with a manifest of a body of so many bytes. */
function callWith(bodyBytes: number, secret = "secret"): GatheredRequest {
  const manifest = utf8(JSON.stringify({ id: "1", bodyBytes }));
  const lines = [
    "POST / HTTP/1.1",
    "Host: a",
    "X-Name: value",
    `Content-Length: ${manifest.length}`,
    `${manifestHeader}: ${secret}`,
  ];
  return new GatheredRequest(0, `${lines.join("\r\n")}\r\n\r\n`, manifest);
}
