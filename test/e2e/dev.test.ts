/** `npm run dev`: wrangler's own server with the front before it, for clients that open with HTTP/2. */
import { KinesisClient, ListStreamsCommand } from "@aws-sdk/client-kinesis";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { follow } from "./server.ts";

const root = resolve(import.meta.dirname, "..", "..");

test("the AWS SDK for JavaScript gets through on its defaults, and the end is one end", async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-dev-"));
  const args = [
    "local/dev.ts",
    "--port",
    "0",
    "--persist-to",
    data,
    "--show-interactive-dev-session=false",
  ];
  const child = spawn(join(root, "node_modules", ".bin", "node"), args, {
    cwd: root,
    env: { ...process.env, PATH: `${join(root, "node_modules", ".bin")}:${process.env["PATH"]}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const running = follow(child);
  try {
    let text = "";
    while (!/^front +(http:\S+)/m.test(text)) text += String(await once(child.stdout, "data"));
    const [, endpoint = ""] = /^front +(http:\S+)/m.exec(text) ?? [];
    const status = async () => (await fetch(`${endpoint}/_millrace/stats`)).status;
    await expect.poll(status, { interval: 100 }).toBe(200);
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const client = new KinesisClient({ endpoint, region: "us-east-1", credentials });
    expect(client.config.requestHandler.metadata?.handlerProtocol).toBe("h2");
    expect((await client.send(new ListStreamsCommand({}))).StreamNames).toEqual([]);
    client.destroy();
    child.kill("SIGTERM");
    await running.ended;
    await expect(fetch(endpoint)).rejects.toThrow();
  } finally {
    child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  }
});
