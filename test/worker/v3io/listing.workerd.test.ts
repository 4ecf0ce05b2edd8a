// What a container lists, over HTTP inside workerd: objects, directories and streams, page by page. What a listing must hold is
// what v3io-py's output.py insists on; the rest is from Iguazio's Working with Containers.

import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { noonMs, setClock } from "../../support/clock.ts";
import { errorText, v3ioOver } from "./client.ts";
import { pathsIn, prefixIn, tags } from "./listing.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver(send);

const missing = errorText(-2, "No such file or directory");
const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\dZ$/;

let directory: string;
let path: string;

beforeEach(() => {
  directory = crypto.randomUUID();
  path = `/bigdata/${directory}`;
});

describe("listing", () => {
  beforeEach(async () => {
    for (const name of ["b", "a", "sub/x", "sub/y", "c&d", "other/deep/z"]) {
      await send(`${path}/${encodeURI(name)}`, { method: "PUT", body: name });
    }
  });

  test("what is in a directory: objects with their size, directories by their name", async () => {
    const reply = await send(`/bigdata?prefix=${directory}%2F`);
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "application/xml"]);
    const text = await reply.text();
    expect(text).toMatch(/^<ListBucketResult><Name>bigdata<\/Name>/);
    expect(tags(text, "Prefix")[0]).toBe(`${directory}/`);
    expect(["Delimiter", "MaxKeys", "IsTruncated"].flatMap((name) => tags(text, name))).toEqual([
      "/",
      "1000",
      "false",
    ]);
    expect(tags(text, "NextMarker")).toEqual([`${directory}/sub`]);
    expect(tags(text, "Key")).toEqual(["a", "b", "c&amp;d"].map((name) => `${directory}/${name}`));
    expect(tags(text, "Size")).toEqual(["1", "1", "3"]);
    expect(tags(text, "CommonPrefixes").map((each) => tags(each, "Prefix")[0])).toEqual([
      `${directory}/other/`,
      `${directory}/sub/`,
    ]);
    expect(tags(text, "LastModified")).toHaveLength(3);
    for (const modified of tags(text, "LastModified")) expect(modified).toMatch(date);
  });

  test.each(["", "/", "%2F"])("with %j before the prefix, and none behind it", async (slash) => {
    const reply = await send(`/bigdata/?prefix=${slash}${directory}`);
    expect(tags(await reply.text(), "Key")).toHaveLength(3);
  });

  test("page by page, everything once", async () => {
    for (const keysMax of [1, 2, 3, 4]) {
      const seen: string[] = [];
      for (let marker = "", more = true; more;) {
        const query = `prefix=${directory}/&max-keys=${keysMax}&marker=${encodeURIComponent(marker)}`;
        const text = await (await send(`/bigdata?${query}`)).text();
        const page = [...tags(text, "Key"), ...tags(text, "CommonPrefixes").flatMap(prefixIn)];
        expect(page.length).toBeLessThanOrEqual(keysMax);
        seen.push(...page);
        marker = (tags(text, "NextMarker")[0] ?? "").replace("&amp;", "&");
        more = tags(text, "IsTruncated")[0] === "true";
      }
      const names = ["a", "b", "c&amp;d", "other/", "sub/"];
      expect(seen).toEqual(names.map((name) => `${directory}/${name}`));
    }
  });

  test("objects, directories and streams whose names begin alike: page by page, everything once", async () => {
    const up = `${directory}-alike`;
    for (const name of ["s-1", "s.2", "s/deep/x", "s", "t/x", "t-1/x"]) {
      await send(`/bigdata/${up}/${name}`, { method: "PUT" });
    }
    for (const name of ["q", "q-1", "r/in", "s-", "u/v", "u-1/v"]) {
      await v3io("CreateStream", `/bigdata/${up}/${name}`, { ShardCount: 1 });
    }
    const names = ["q-1/", "q/", "r/", "s", "s-/", "s-1", "s.2", "s/", "t-1/", "t/", "u-1/", "u/"];
    for (const keysMax of [1, 2, 3, 5, 12, 1000]) {
      const seen = await pathsIn(send, `/bigdata?prefix=${up}&max-keys=${keysMax}`);
      expect(seen).toEqual(names.map((name) => `${up}/${name}`));
    }
    const alone = await pathsIn(send, `/bigdata?prefix=${up}&max-keys=2&prefix-only=1`);
    expect(alone).toEqual(
      names.filter((name) => name.endsWith("/")).map((name) => `${up}/${name}`),
    );
  });

  // v3io-go sync_test.go, validateContent and validateCommonPrefix.
  test("with what is known of each, only where it is asked for", async () => {
    const alone = await (await send(`/bigdata?prefix=${directory}/&prefix-only=1`)).text();
    expect([tags(alone, "Contents"), tags(alone, "CommonPrefixes").length]).toEqual([[], 2]);
    for (const each of tags(alone, "CommonPrefixes"))
      expect(each).toMatch(/^<Prefix>[^<]*<\/Prefix>$/);
    const all = await (await send(`/bigdata?prefix=${directory}/&prefix-info=1`)).text();
    for (const name of ["LastModified", "AccessTime", "CreatingTime"]) {
      expect(tags(all, name)).toHaveLength(5);
      for (const each of tags(all, name)) {
        expect(each).toMatch(date);
        expect(Date.parse(each)).toBeGreaterThan(Date.UTC(2020, 0, 1));
      }
    }
    expect([tags(all, "GID"), tags(all, "UID")]).toEqual([Array(5).fill("0"), Array(5).fill("0")]);
    expect(tags(all, "CommonPrefixes").flatMap((each) => tags(each, "Mode"))).toEqual([
      "040775",
      "040775",
    ]);
    expect(tags(all, "Contents").flatMap((each) => tags(each, "Mode"))).toEqual(
      Array(3).fill("0100664"),
    );
    const inodes = tags(all, "InodeNumber").map(Number);
    expect(inodes.every((inode) => Number.isSafeInteger(inode) && inode > 0)).toBe(true);
    expect(new Set(inodes).size).toBe(5);
    const { text } = await v3io("GetItem", `${path}/a`, { AttributesToGet: "__inode_number" });
    expect(text).toBe(`{"Item":{"__inode_number":{"N":"${inodes[0]}"}}}`);
  });

  test("no keys at all say whether it is there", async () => {
    const reply = await send(`/bigdata?prefix=${directory}&max-keys=0`);
    const text = await reply.text();
    expect([reply.status, tags(text, "MaxKeys"), tags(text, "IsTruncated")]).toEqual([
      200,
      ["0"],
      ["false"],
    ]);
    expect([tags(text, "Contents"), tags(text, "CommonPrefixes")]).toEqual([[], []]);
    expect((await send(`/bigdata?prefix=${directory}/none&max-keys=0`)).status).toBe(404);
  });

  test("what is not there is 404, and the root of a container is always there", async () => {
    const reply = await send("/bigdata?prefix=no/such");
    expect([reply.status, await reply.text()]).toEqual([404, missing]);
    for (const at of ["/users", "/users/", "/projects/?prefix="]) {
      expect((await send(at)).status).toBe(200);
    }
  });

  test("directories stay when the last object in them goes", async () => {
    await send(`${path}/other/deep/z`, { method: "DELETE" });
    for (const [at, expected] of [
      ["other/deep", []],
      ["other", [`${directory}/other/deep/`]],
    ] as const) {
      expect(await pathsIn(send, `/bigdata?prefix=${directory}/${at}`)).toEqual(expected);
      expect((await send(`${path}/${at}/`, { method: "HEAD" })).status).toBe(200);
    }
    expect((await send(`${path}/other/`, { method: "DELETE" })).status).toBe(409);
    expect((await send(`${path}/other/deep/`, { method: "DELETE" })).status).toBe(204);
    expect((await send(`/bigdata?prefix=${directory}/other/deep`)).status).toBe(404);
    expect(await pathsIn(send, `/bigdata?prefix=${directory}/other`)).toEqual([]);
    expect((await send(`${path}/other/`, { method: "DELETE" })).status).toBe(204);
    expect((await send(`/bigdata?prefix=${directory}/other`)).status).toBe(404);
  });

  test("a directory is as old as the first object in it, whatever is written there later", async () => {
    const at = `${directory}-aged`;
    try {
      for (const hours of [0, 1]) {
        setClock(noonMs + hours * 3_600_000);
        await send(`/bigdata/${at}/a/x`, { method: "PUT", body: "x" });
      }
      await send(`/bigdata/${at}/a/x`, { method: "DELETE" });
      const listed = await (await send(`/bigdata?prefix=${at}&prefix-info=1`)).text();
      const [modified = ""] = tags(listed, "LastModified");
      expect(Date.parse(modified)).toBe(noonMs);
    } finally {
      vi.useRealTimers();
    }
  });

  test("directories of 0.1.0, which had no rows, are there while something is in them, and stay then", async () => {
    const up = `${directory}-old`;
    const items = env.ITEMS.getByName("000000000000/us-east-1/bigdata");
    await runInDurableObject(items, (_, { storage: { sql } }) => {
      for (const name of ["a/deep/x", "a/y", "b/z"]) {
        const insert =
          "INSERT INTO item VALUES (?, '', 1795298627, 351000000, 1795298627, 0, '[]', x'00')";
        sql.exec(insert, `${up}/${name}`);
      }
    });
    const all = await (await send(`/bigdata?prefix=${up}&prefix-info=1`)).text();
    expect(tags(all, "LastModified")).toEqual([
      "2026-11-21T22:03:47.35Z",
      "2026-11-21T22:03:47.35Z",
    ]);
    await send(`/bigdata/${up}/a/deep/x`, { method: "DELETE" });
    await send(`/bigdata/${up}/a/y`, { method: "DELETE" });
    expect(await pathsIn(send, `/bigdata?prefix=${up}`)).toEqual([`${up}/a/`, `${up}/b/`]);
    expect(await pathsIn(send, `/bigdata?prefix=${up}/a`)).toEqual([`${up}/a/deep/`]);
    expect(await pathsIn(send, `/bigdata?prefix=${up}/a/deep`)).toEqual([]);
  });

  test("directories: made, found, not removed while something is in them", async () => {
    expect((await send(`${path}/empty/`, { method: "PUT" })).status).toBe(200);
    expect((await send(`${path}/empty/`, { method: "HEAD" })).status).toBe(200);
    expect((await send(`${path}/sub`, { method: "HEAD" })).status).toBe(200);
    const listed = await (await send(`/bigdata?prefix=${directory}/empty`)).text();
    expect([tags(listed, "Contents"), tags(listed, "CommonPrefixes")]).toEqual([[], []]);
    expect((await send(`${path}/empty/`, { method: "DELETE" })).status).toBe(204);
    expect((await send(`${path}/empty/`, { method: "HEAD" })).status).toBe(404);
    const full = await send(`${path}/sub/`, { method: "DELETE" });
    expect([full.status, await full.text()]).toEqual([409, errorText(-39, "Directory not empty")]);
    expect((await send(`${path}/never/`, { method: "DELETE" })).status).toBe(204);
  });

  test.each([
    ["a count that is none", "max-keys=x"],
    ["a count below zero", "max-keys=-1"],
    ["a control character", "prefix=a%00b"],
    ["a way up", "prefix=.."],
    // Each name above a place may be a stream, which is asked for.
    ["a deep prefix", `prefix=${"a/".repeat(33)}`],
    ["a long prefix", `prefix=${"a".repeat(1025)}`],
    ["a deep marker", `marker=${"a/".repeat(32)}a`],
    ["a long marker", `marker=${"a".repeat(1025)}`],
  ])("%s is refused", async (_what, query) => {
    const reply = await send(`/bigdata?${query}`);
    expect([reply.status, await reply.text()]).toEqual([
      400,
      errorText(-201326592, "InvalidArgumentException"),
    ]);
  });
});
