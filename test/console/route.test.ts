// The address of a page of the console.
import { afterEach, beforeEach, expect, it, vi } from "vitest";

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("addEventListener", () => {});
});

afterEach(() => vi.unstubAllGlobals());

async function routeAt(pathname: string, search = "") {
  vi.stubGlobal("location", { pathname, search });
  const { route } = await import("../../console/app/route.ts");
  return route.value;
}

it("a stream's page is named by its escaped name and tab", async () => {
  expect(await routeAt("/_millrace/console/streams/a%2Fb%20c/charts", "?from=1")).toEqual({
    page: "stream",
    stream: "a/b c",
    tab: "charts",
    query: new URLSearchParams("from=1"),
  });
});

it("an address that names no page is the list of streams", async () => {
  for (const path of ["/", "/_millrace/console/", "/_millrace/console/streams/", "/elsewhere"]) {
    vi.resetModules();
    expect(await routeAt(path), path).toEqual({ page: "streams" });
  }
});

it("an address with a broken escape is the list of streams", async () => {
  expect(await routeAt("/_millrace/console/streams/50%/records")).toEqual({ page: "streams" });
});
