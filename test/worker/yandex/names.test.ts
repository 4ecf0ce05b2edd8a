// Which database and which stream a path and a name mean, and in which region: a table. The forms are those
// of the Yandex Data Streams API reference and of YDB's tests; the default database is this server's.

import { describe, expect, test } from "vitest";
import { YandexError } from "../../../worker/yandex/errors.ts";
import {
  addressOf,
  isYandexCredential,
  pathsOf,
  databaseOf,
  regionOf,
} from "../../../worker/yandex/names.ts";

const home = { account: "000000000000", region: "us-east-1" };
const real = "/ru-central1/b1gvcuacrv4dh7ep9ba8/etn02qlpqn0rdc";

describe("a stream", () => {
  test.each<[string, string, string, string, string]>([
    // path, name given, region, name in the catalog, what messages say
    ["/", "orders", "us-east-1", "orders", "orders"],
    ["", "orders", "us-east-1", "orders", "orders"],
    ["/Root", "orders", "us-east-1", "orders", "/Root/orders"],
    ["/local/", "orders", "us-east-1", "orders", "/local/orders"],
    ["//Root//", "orders", "us-east-1", "orders", "/Root/orders"],
    ["/ru-central1", "orders", "us-east-1", "orders", "/ru-central1/orders"],
    ["/ru-central-1", "orders", "us-east-1", "orders", "/ru-central-1/orders"],
    ["/kz1", "orders", "us-east-1", "orders", "/kz1/orders"],
    ["/eu-west-1", "orders", "eu-west-1", "orders", "/eu-west-1/orders"],
    ["/", "/Root/orders", "us-east-1", "orders", "/Root/orders"],
    ["/", "/ru-central1/orders", "us-east-1", "orders", "/ru-central1/orders"],
    ["/Root", "/eu-west-1/orders", "eu-west-1", "orders", "/eu-west-1/orders"],
    ["/", "/Root/a/b", "us-east-1", "/local/a/b", "/Root/a/b"],
    ["/local", "a/b", "us-east-1", "/local/a/b", "/local/a/b"],
    [real, "orders", "us-east-1", `${real}/orders`, `${real}/orders`],
    [real, "a/orders", "us-east-1", `${real}/a/orders`, `${real}/a/orders`],
    ["/", `${real}/orders`, "us-east-1", `${real}/orders`, `${real}/orders`],
    ["/Root", `${real}/orders`, "us-east-1", `${real}/orders`, `${real}/orders`],
    ["/us-west-2/c/d", "s", "us-west-2", "/us-west-2/c/d/s", "/us-west-2/c/d/s"],
  ])("%j and %j: in %s, %s, %s", (path, given, region, name, full) => {
    const address = addressOf(given, databaseOf(path, home, undefined), undefined);
    expect(address).toEqual({ scope: { ...home, region }, name, given, full });
  });

  test("the operator may call the default database what it is called elsewhere", () => {
    for (const [path, given] of [
      [real, "orders"],
      ["/", `${real}/orders`],
      ["/Root", "orders"],
    ] as const) {
      expect(addressOf(given, databaseOf(path, home, real), real).name).toBe("orders");
    }
    expect(addressOf("orders", databaseOf(`${real}2`, home, real), real).name).toBe(
      `${real}2/orders`,
    );
  });

  test.each([
    ["", "ValidationException"],
    ["/", "InvalidArgumentException"],
    ["a b", "InvalidArgumentException"],
    ["/\n\t\r/|:)", "InvalidArgumentException"],
    ["имя", "InvalidArgumentException"],
    ["x".repeat(129), "InvalidArgumentException"],
    [`a/${"x".repeat(100)}/${"x".repeat(100)}/${"x".repeat(100)}`, "InvalidArgumentException"],
    ["/Root", "InvalidArgumentException"],
    [real, "InvalidArgumentException"],
    ["/RootNodb/stream", "ResourceNotFoundException"],
  ])("%j is none: %s", (given, name) => {
    expect(
      nameOfError(() => addressOf(given, databaseOf("/Root", home, undefined), undefined)),
    ).toBe(name);
  });
});

test.each([
  "/Root1",
  "/Root/x",
  "/ru-central1/cloud",
  `${real}/more`,
  "/ru-central1/a b/c",
  "/x/y/z",
])("%s is no database", (path) => {
  expect(nameOfError(() => databaseOf(path, home, undefined))).toBe("ResourceNotFoundException");
});

test("what a database lists", () => {
  expect(pathsOf(databaseOf("/Root", home, undefined))).toEqual([undefined, "/local/"]);
  expect(pathsOf(databaseOf(real, home, undefined))).toEqual([`${real}/`]);
});

describe("a region", () => {
  test.each([
    [undefined, "us-east-1"],
    ["ru-central1", "us-east-1"],
    ["ru-central-1", "us-east-1"],
    ["kz1", "us-east-1"],
    ["eu-west-1", "eu-west-1"],
    ["us-gov-west-1", "us-gov-west-1"],
  ])("%s is %s", (signedFor, region) => {
    expect(regionOf(signedFor, home.region)).toBe(region);
  });

  test.each(["aliaska-2", "local", ""])("%j is none", (signedFor) => {
    expect(nameOfError(() => regionOf(signedFor, home.region))).toBe("AccessDeniedException");
  });

  test.each([
    ["AKID/20150830/ru-central1/kinesis/aws4_request", true],
    ["AKID/20150830/kz1/kinesis/aws4_request", true],
    ["AKID/20150830/us-east-1/kinesis/aws4_request", false],
    ["ru-central1", false],
    ["", false],
  ])("a credential %j is for the cloud: %s", (credential, isYandex) => {
    expect(isYandexCredential(credential)).toBe(isYandex);
  });
});

function nameOfError(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof YandexError) return error.name;
    throw error;
  }
  return "none";
}
