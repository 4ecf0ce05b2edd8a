// The lock files: each package by its hash, whatever machine installs it, and from no named registry.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..", "..");

interface LockFile {
  packages: Record<string, { integrity?: string; resolved?: string }>;
}

test.each(["package-lock.json", "bench/peers/package-lock.json"])(
  "%s: every package has an integrity and no address",
  (name) => {
    const { packages }: LockFile = JSON.parse(readFileSync(join(root, name), "utf8"));
    const entries = Object.entries(packages).filter(([path]) => path !== "");
    expect(entries.length).toBeGreaterThan(40);
    expect(
      entries.filter(([, { integrity }]) => integrity?.startsWith("sha512-") !== true),
    ).toEqual([]);
    expect(entries.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  },
);
