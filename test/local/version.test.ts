// The version that the Worker says is that of the package.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { version } from "../../worker/core/version.ts";

test("the Worker has the version of package.json", () => {
  const file = join(resolve(import.meta.dirname, "..", ".."), "package.json");
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ version });
});
