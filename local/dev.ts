/**
 * `npm run dev`: the deployed Worker as `wrangler dev` runs it, with the front before it, because what
 * wrangler listens with has no HTTP/2 and the AWS SDK for JavaScript opens with that. `--port N` is the front's
 * (8787, as wrangler's own); every other argument is wrangler's.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { Failure } from "./failure.ts";
import { openFront } from "./front.ts";

const host = "127.0.0.1";

async function main(args: string[]): Promise<void> {
  const at = args.indexOf("--port");
  const [port = "8787"] = at < 0 ? [] : args.splice(at, 2).slice(1);
  if (!/^\d{1,5}$/.test(port)) throw new Failure(`--port ${port} is no port`, 2);
  const inner = await findPort();
  const front = await openFront({ host, port: Number(port), upstream: { host, port: inner } });
  console.log(
    `front     http://${host}:${front.port} for HTTP/1.1 and HTTP/2, once wrangler is ready`,
  );
  const packages = resolve(import.meta.dirname, "..", "node_modules");
  const wrangler = join(packages, "wrangler", "bin", "wrangler.js");
  const address = ["--ip", host, "--port", String(inner)];
  const open = ["--var", "MILLRACE_ACCESS:open"];
  const child = spawn(process.execPath, [wrangler, "dev", ...address, ...open, ...args], {
    stdio: "inherit",
  });
  child.once("exit", (code) => process.exit(code ?? 0));
  // A terminal has told wrangler too, which ends when it has tidied up.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, host);
  await new Promise((done) => server.once("listening", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Failure ? `millrace: ${error.message}` : error);
  process.exit(error instanceof Failure ? error.exitCode : 1);
});
