// What the compiler holds of errors: a new code needs an answer in every face, and a detail its right names. The
// sources are compiled as they are, beside what must not compile.

import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isCode, StreamError } from "../../worker/errors.ts";

const root = join(import.meta.dirname, "../..");

const useOfDetails = `
import { isCode, StreamError } from "./errors.ts";
new StreamError("overloaded");
new StreamError("tooManyTags", { limit: 50 });
new StreamError("tooManyTags");
new StreamError("tooManyTags", { limits: 50 });
new StreamError("tooManyTags", { limit: "50" });
export const limit = (error: unknown) => isCode(error, "tooManyTags") && error.detail.limit;
export const other = (error: unknown) => isCode(error, "tooManyTags") && error.detail.limits;
export const none = (error: unknown) => isCode(error, "tooManyTag");
`;

describe("what does not compile", () => {
  let folder: string;
  let errors: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-errors-"));
    await cp(join(root, "worker"), join(folder, "worker"), { recursive: true });
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    await symlink(join(root, "build"), join(folder, "build"));
    const runtime = "test/worker/runtime.d.ts";
    await cp(join(root, runtime), join(folder, runtime));
    const { compilerOptions } = JSON.parse(await readFile(join(root, "tsconfig.json"), "utf8"));
    const config = { compilerOptions, include: ["worker", runtime] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const codes = join(folder, "worker/errors.ts");
    const head = "export interface StreamErrorDetails {";
    const source = await readFile(codes, "utf8");
    await writeFile(codes, source.replace(head, `${head}\n  newlyInvented: Nothing;`));
    await writeFile(join(folder, "worker/useOfDetails.ts"), useOfDetails);
    errors = await compile(folder);
  });

  afterAll(() => rm(folder, { recursive: true }));

  test("a new code, until every face has an answer", () => {
    const faces = errors.filter((line) => line.includes("newlyInvented"));
    expect(faces.map((line) => line.slice(0, line.indexOf("("))).sort()).toEqual([
      "worker/durable/errors.ts",
      "worker/kinesis/errorTable.ts",
      "worker/operator/routes.ts",
      "worker/v3io/errors.ts",
      "worker/yandex/errors.ts",
    ]);
  });

  test("a detail that is left out, misspelt or of another type, and a code that is none", () => {
    const others = errors.filter((line) => !line.includes("newlyInvented"));
    expect(others.map((line) => /^worker\/useOfDetails\.ts\((\d+),/.exec(line)?.[1])).toEqual([
      "5",
      "6",
      "7",
      "9",
      "10",
    ]);
  });
});

test("a failure is known by its code, one of several as well", () => {
  const error: unknown = new StreamError("overloaded");
  expect([isCode(error, "overloaded"), isCode(error, "corrupt", "overloaded")]).toEqual([
    true,
    true,
  ]);
  expect([isCode(error, "corrupt"), isCode({ code: "overloaded" }, "overloaded")]).toEqual([
    false,
    false,
  ]);
});

/** Its complaints, one a line. */
function compile(folder: string): Promise<string[]> {
  const tsc = join(root, "node_modules/.bin/tsc");
  return new Promise((resolve) => {
    execFile(tsc, ["-p", folder, "--pretty", "false"], { cwd: folder }, (_, stdout) => {
      resolve(stdout.split("\n").filter((line) => /^\S+\(\d+,\d+\): error/.test(line)));
    });
  });
}
