// docs/ARCHITECTURE.md names files and functions. This test holds every name in it to the source, every
// room to the folders of worker/, and every relative link and file name of the documents to the tree.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..", "..");
const architecture = readFileSync(join(root, "docs/ARCHITECTURE.md"), "utf8");

/** `file: function, function` in a code span; the functions may be left out. */
const namedCode =
  /`((?:worker|assembly|local|command|package|bench|test)\/[\w./-]+\.ts)(?::\s+(\w+(?:,\s+\w+)*))?`/g;

const named = [...architecture.matchAll(namedCode)].map(([, file = "", names = ""]) => ({
  file,
  names: names.split(/,\s+/).filter((name) => name !== ""),
}));

const documents = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...["docs", "docs/decisions"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`),
  ),
];

/** The rooms that the table of rooms calls dialects. */
const dialects = [...architecture.matchAll(/^\| `worker\/(\w+)\/` +\| the [^|]*dialect/gm)].map(
  ([, room]) => room!,
);

/** Whether the source declares it: a function, constant, class or type, or a method of a class. */
function declares(source: string, name: string): boolean {
  const declared = `^(?:export )?(?:async )?(?:function\\*?|const|class|interface|type) ${name}\\b`;
  const method = `^ +(?:(?:private|static|override|async|get|\\*) ?)*#?${name}(?:<.*>)?\\(`;
  return new RegExp(`${declared}|${method}`, "m").test(source);
}

interface Override {
  files: string[];
  rules: Record<string, unknown>;
}

/** What the linter says about the imports of a room. */
function ruleOf(room: string): Override | undefined {
  const { overrides } = JSON.parse(readFileSync(join(root, ".oxlintrc.json"), "utf8")) as {
    overrides: Override[];
  };
  return overrides.find(({ files }) => files.includes(`worker/${room}/**`));
}

function sourcesOf(folder: string): { file: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ file: name, text: readFileSync(join(folder, name), "utf8") }));
}

/** The names by which a document's headings can be linked to, as code hosts make them. */
function anchorsOf(document: string): string[] {
  return [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("docs/ARCHITECTURE.md", () => {
  test("names more than a hundred functions", () => {
    const count = named.reduce((sum, { names }) => sum + names.length, 0);
    expect(count).toBeGreaterThan(100);
  });

  test("every file it names exists, and declares the functions named with it", () => {
    const missing = named.flatMap(({ file, names }) => {
      if (!existsSync(join(root, file))) return [file];
      const source = readFileSync(join(root, file), "utf8");
      return names.filter((name) => !declares(source, name)).map((name) => `${file}: ${name}`);
    });
    expect(missing).toEqual([]);
  });

  test("names the dialects", () => {
    expect(dialects).toEqual(expect.arrayContaining(["kinesis", "v3io", "yandex"]));
  });

  test("every folder of worker/ is one of its rooms", () => {
    const folders = readdirSync(join(root, "worker"))
      .filter((name) => statSync(join(root, "worker", name)).isDirectory())
      .map((name) => `worker/${name}/`);
    const rooms = [...architecture.matchAll(/^\| `(worker\/\w+\/)`/gm)].map(([, room]) => room);
    expect(new Set(rooms)).toEqual(new Set(folders));
  });

  test("its rooms stand in the order that the linter holds", () => {
    const rooms = [...architecture.matchAll(/^\| `worker\/(\w+)\/`/gm)].map(([, room]) => room!);
    for (const [at, room] of rooms.entries()) {
      const rule = ruleOf(room);
      const [, refused = ""] = /\((\w+(?:\|\w+)*)\)\//.exec(JSON.stringify(rule)) ?? [];
      const above = rooms.slice(at + 1).filter((each) => !refused.split("|").includes(each));
      expect(above, `rooms that worker/${room} may import and that stand below it`).toEqual([]);
    }
  });
});

describe.each(dialects)("the dialect %s", (room) => {
  const patterns = JSON.stringify(ruleOf(room));

  test("is kept from bindings, caches and calls of objects by the linter", () => {
    const kept = ["core/bindings", "core/rpc", "core/bodyCache", "auth/access", "stream/"];
    expect(kept.filter((path) => !patterns.includes(path))).toEqual([]);
  });

  test("has the core by its Backend alone", () => {
    const touching = sourcesOf(join(root, "worker", room)).filter(({ text }) =>
      /\.getByName\(|\bruntime\b|\benv\.|\bnew Backend\(/.test(text),
    );
    expect(touching.map(({ file }) => file)).toEqual([]);
  });
});

describe.each(documents)("%s", (path) => {
  const text = readFileSync(join(root, path), "utf8");

  test("every relative link leads to a file, and to a heading of it", () => {
    const broken = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].filter(
      ([, target = "", anchor]) => {
        const file = target === "" ? join(root, path) : join(root, dirname(path), target);
        if (!existsSync(file)) return true;
        return anchor !== undefined && !anchorsOf(readFileSync(file, "utf8")).includes(anchor);
      },
    );
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  test("every file of the repository that it names in code exists", () => {
    const files = /`((?:worker|assembly|local|command|package|bench|test|docs)\/[\w./-]*\w\/?)`/g;
    const missing = [...text.matchAll(files)].filter(
      ([, file = ""]) => !existsSync(join(root, file)),
    );
    expect(missing.map(([, file]) => file)).toEqual([]);
  });
});
