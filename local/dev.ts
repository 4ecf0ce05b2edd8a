/**
 * `npm run dev`: the deployed Worker in `wrangler dev`, with the front before it. wrangler's own
 * server has no HTTP/2, and the AWS SDK for JavaScript opens with it. `--port N` is the front's
 * port (8787, as wrangler's default). All other arguments are passed to wrangler.
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
  // The terminal sends the signal to wrangler too. This process ends when wrangler has ended.
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
