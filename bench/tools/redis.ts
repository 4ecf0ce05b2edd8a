// A Redis server on its own folder, which syncs each write before it replies, as Millrace does.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Server, startOnPort } from "./process.ts";

export function startRedis(folder: string): Promise<Server> {
  const config = join(folder, "redis.conf");
  // Rewriting its log in the middle of a round would be work of its own.
  const lines = [
    `dir ${JSON.stringify(folder)}`,
    "bind 127.0.0.1",
    'save ""',
    "appendonly yes",
    "appendfsync always",
    "auto-aof-rewrite-percentage 0",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  return startOnPort((port) => ({
    program: "redis-server",
    args: [config, "--port", String(port)],
  }));
}
