// The peers as programs: where they are found, how they are started on a free loopback port with their
// data in a folder on a disk, and what they promise about it.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { startMillrace, startMillraceInMemory } from "../http/http.ts";
import { type Enter, enterInMemory, enterKinesis, enterNats, enterRedis } from "./loads.ts";
import { findFreePort, node, root, type Server, startOnPort } from "../tools/process.ts";
import { startRedis } from "../tools/redis.ts";
import { versionOf } from "../report/results.ts";

export interface Peer {
  name: string;
  version: string;
  /** What an acknowledgement promises. */
  durability: string;
  start: (folder: string) => Promise<Server & { pids?: readonly number[] }>;
  enter: Enter;
}

/** A peer, or what to do to have it. */
export type Found = Peer | { name: string; missing: string };

const loopback = join(root, "bench", "peers", "loopback.ts");

/** Millrace itself, then its peers. Emulators are looked for in BENCH_PEERS, or bench/peers. */
export function findPeers(): Found[] {
  const folder = resolve(process.env["BENCH_PEERS"] ?? join(root, "bench", "peers"));
  const millrace: Peer = {
    name: "millrace",
    version: versionOf("../.."),
    durability: "synced to disk before the reply (SQLite); reads from memory and disk",
    start: (folder) => startMillrace(folder),
    enter: enterKinesis,
  };
  const direct: Peer = {
    ...millrace,
    name: "millrace direct",
    durability: "the same, through workerd's own endpoint (npm start prints it)",
    start: (folder) => startMillrace(folder, "direct"),
  };
  const memory: Peer = {
    ...millrace,
    name: "millrace in memory",
    durability: "in memory alone (--memory): lost when the process stops",
    start: startMillraceInMemory,
    enter: enterInMemory,
  };
  return [
    millrace,
    direct,
    ...findKinesalite(folder),
    memory,
    findKinesisLocal(folder),
    findRedis(),
    findNats(),
  ];
}

/** With its data in a folder, and without one. */
function findKinesalite(from: string): Found[] {
  const name = "kinesalite";
  const found = findPackage(from, name);
  if (found === undefined)
    return [{ name, missing: "npm ci --ignore-scripts --prefix bench/peers" }];
  const { version } = found;
  const flags = ["--createStreamMs", "0", "--shardLimit", "100"];
  const program = ["--import", loopback, join(found.folder, "cli.js"), ...flags];
  const start = (...more: string[]): Promise<Server> =>
    startOnPort((port) => ({ program: node, args: [...program, ...more, "--port", String(port)] }));
  return [
    {
      name,
      version,
      durability: "written to LevelDB's log on disk, not synced: lost when the machine stops",
      start: (folder) => start("--path", join(folder, "leveldb")),
      enter: enterKinesis,
    },
    {
      name: "kinesalite in memory",
      version,
      durability: "in memory alone (without --path): lost when the process stops",
      start: () => start(),
      enter: enterInMemory,
    },
  ];
}

function findKinesisLocal(from: string): Found {
  const name = "kinesis-local";
  const found = findPackage(from, name);
  if (found === undefined) return { name, missing: "npm ci --ignore-scripts --prefix bench/peers" };
  const start = async (): Promise<Server> => {
    const tlsPort = await findFreePort();
    return await startOnPort((port) => ({
      program: node,
      args: ["--import", loopback, join(found.folder, "main.js")],
      // Its certificate is looked for in the current folder.
      cwd: found.folder,
      env: {
        KINESIS_MOCK_PLAIN_PORT: String(port),
        KINESIS_MOCK_TLS_PORT: String(tlsPort),
        CREATE_STREAM_DURATION: "0ms",
        LOG_LEVEL: "ERROR",
      },
    }));
  };
  const durability = "in memory alone: lost when the process stops";
  return { name, version: found.version, durability, start, enter: enterKinesis };
}

function findRedis(): Found {
  const name = "redis";
  const version = readVersion("redis-server", /v=([\d.]+)/);
  if (version === undefined) return { name, missing: "install redis-server" };
  const durability = "synced to disk before the reply (appendfsync always); reads from memory";
  return { name, version, durability, start: startRedis, enter: enterRedis };
}

function findNats(): Found {
  const name = "nats";
  const version = readVersion("nats-server", /v([\d.]+)/);
  if (version === undefined) return { name, missing: "install nats-server" };
  const [major = 0, minor = 0] = version.split(".").map(Number);
  // Before 2.10 there is no such setting (NATS documentation, JetStream configuration).
  const canSync = major > 2 || (major === 2 && minor >= 10);
  const start = (folder: string): Promise<Server> => {
    const config = join(folder, "nats.conf");
    const sync = canSync ? ", sync_interval: always" : "";
    writeFileSync(config, `jetstream { store_dir: ${JSON.stringify(folder)}${sync} }\n`);
    return startOnPort((port) => ({
      program: "nats-server",
      args: ["--config", config, "--addr", "127.0.0.1", "--port", String(port)],
    }));
  };
  const durability = canSync
    ? "synced to disk before the reply (sync_interval always)"
    : "written to disk, synced every 2 minutes: this version has no sync_interval (2.10 has)";
  return { name, version, durability, start, enter: enterNats };
}

function findPackage(from: string, name: string): { folder: string; version: string } | undefined {
  try {
    const file = createRequire(join(from, "package.json")).resolve(`${name}/package.json`);
    if (!existsSync(file)) return undefined;
    const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
    return { folder: dirname(file), version };
  } catch {
    return undefined;
  }
}

/** What a program on the path says of its version; undefined when there is none. */
function readVersion(program: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(execFileSync(program, ["--version"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined;
  }
}
