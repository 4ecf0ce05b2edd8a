/**
 * The command line of the local server, as a user meets it: what it says when something is wrong,
 * how it starts, and that it ends without leaving anything behind.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  readFileSync,
} from "node:fs";
import { type Server as NetServer, createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { table } from "../../command/table.ts";
import { startOf } from "../../local/process.ts";
import {
  bannerValue,
  follow,
  isRunning,
  readBanner,
  readRuntimePid,
  runToEnd,
  type Server,
  startServer,
  untilGone,
} from "./server.ts";

const scratch = mkdtempSync(join(tmpdir(), "millrace-cli-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const aFile = join(scratch, "a-file");
writeFileSync(aFile, "");

describe("a command line that cannot work is one line on stderr", () => {
  const cases: [why: string, args: string[], exitCode: number, line: RegExp][] = [
    ["unknown flag", ["--prot", "1"], 2, /--prot.*npm start -- start --help/],
    ["flag without its value", ["--port"], 2, /--port.*npm start -- start --help/],
    [
      "value for a flag that takes none",
      ["--memory=yes"],
      2,
      /--memory.*npm start -- start --help/,
    ],
    ["word that is no command", ["serve"], 2, /"serve".*npm start -- --help/],
    ["word behind the flags", ["--port", "0", "x"], 2, /x: npm start -- start --help/],
    ["port that is no number", ["--port", "http"], 2, /--port http.*0 to 65535/],
    ["port that is too large", ["--port", "65536"], 2, /--port 65536.*0 to 65535/],
    ["port that is negative", ["--port=-1"], 2, /--port -1.*0 to 65535/],
    ["direct port that is none", ["--direct", "x"], 2, /--direct x.*0 to 65535/],
    ["port that is empty", ["--port", ""], 2, /--port.*0 to 65535/],
    ["host that is empty", ["--host", ""], 2, /--host needs an address/],
    ["folder that is empty", ["--data", ""], 2, /--data needs a folder/],
    ["folder and memory", ["--data", "x", "--memory"], 2, /--memory.*--data/],
    ["limits of nobody", ["--limits", "aws"], 2, /--limits is "aws": set "kinesis"/],
    [
      "a container that is reserved",
      ["--containers", "a,_b"],
      2,
      /--containers has "_b": set names/,
    ],
    ["streams without a name", ["--streams", ":4"], 2, /--streams ":4".*orders:4/],
    ["streams without shards", ["--streams", "a:0"], 2, /--streams "a:0".*orders:4/],
    ["a stream twice", ["--streams", "a:1,a:2"], 2, /--streams names "a" twice/],
    ["a parent that does not run", ["--parent", "999999999"], 2, /--parent 999999999.*pid/],
    [
      "a file that cannot be",
      ["--port", "0", "--memory", "--ready-file", "/none/x"],
      1,
      /--ready-file \/none\/x/,
    ],
    ["time that is none", ["--transition-ms", "soon"], 2, /--transition-ms is "soon": set 0 to/],
    ["keys that are not there", ["--auth", "/none.json"], 2, /--auth \/none.json.*ENOENT/],
    [
      "keys that are none",
      ["--auth", "package.json"],
      2,
      /--auth package.json: .*"name".*principals/,
    ],
    [
      "folder that is a file",
      ["--port", "0", "--data", aFile],
      1,
      /a-file .a file is in the way.*--data/,
    ],
    [
      "folder under a file",
      ["--port", "0", "--data", join(aFile, "x")],
      1,
      /x .a file is in the way.*--data/,
    ],
    ["folder nobody may make", ["--port", "0", "--data", "/proc/x"], 1, /\/proc\/x.*--data/],
    ["foreign address", ["--port", "0", "--memory", "--host", "192.0.2.1"], 1, /192.0.2.1.*--host/],
  ];

  test.each(cases)("%s", async (_why, args, exitCode, line) => {
    const ended = await runToEnd(args);
    expect(ended.stderr).toMatch(line);
    expect(ended.stderr).toMatch(/^millrace: [^\n]+\n$/);
    expect(ended).toMatchObject({ exitCode, stdout: "" });
  });

  test.each([
    ["no document", "{}", /MILLRACE_AUTH in the environment: .*principals/],
    ["nothing at all", "", /MILLRACE_AUTH in the environment: the document is not JSON/],
    ["a name twice", '{"principals":[],"principals":[]}', /: the document has "principals" twice/],
  ])("keys of the environment that are %s", async (_, MILLRACE_AUTH, line) => {
    const ended = await runToEnd(["--port", "0", "--memory"], { MILLRACE_AUTH });
    expect(ended.stderr).toMatch(line);
    expect(ended.stderr).toMatch(/^millrace: [^\n]+\n$/);
    expect(ended).toMatchObject({ exitCode: 2, stdout: "" });
  });

  test.each(["--port", "--direct"])("%s that is taken", async (flag) => {
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => holder.once("listening", done));
    const address = holder.address();
    const port = typeof address === "object" ? address?.port : 0;
    const flags = flag === "--port" ? [] : ["--port", "0"];
    const ended = await runToEnd(["--memory", ...flags, flag, String(port)]);
    holder.close();
    expect(ended.stderr).toMatch(new RegExp(`^millrace: port ${port} .*taken.*${flag}\\n$`));
    expect(ended).toMatchObject({ exitCode: 1, stdout: "" });
  });

  test("folder that another server uses, which goes on", async () => {
    await using first = await startServer();
    const second = await runToEnd(["--port", "0", "--data", first.data]);
    expect(second.stderr).toMatch(
      new RegExp(`^millrace: ${first.data} is in use by .*pid ${first.pid}: stop it[^\\n]*\\n$`),
    );
    expect(second).toMatchObject({ exitCode: 1, stdout: "" });
    expect((await fetch(first.endpoint)).status).toBeGreaterThan(0);
  });
});

describe("what it tells about itself", () => {
  test("keys of the environment are in force, and the banner says so", async () => {
    const principal = { accessKeyId: "a", secretAccessKey: "b", account: "111122223333" };
    const MILLRACE_AUTH = JSON.stringify({ principals: [principal] });
    const env = { MILLRACE_AUTH, MILLRACE_ACCESS: "open" };
    await using server = await startServer({ flags: ["--memory"], env });
    expect(bannerValue(server.banner, "access")).toBe(
      "access keys are required: MILLRACE_AUTH in the environment",
    );
    const reply = await fetch(`${server.endpoint}/bigdata/`, {
      headers: { "x-v3io-session-key": "any" },
    });
    expect(reply.status).toBe(403);
    expect(bannerValue(server.banner, "try")).toMatch(
      /^AWS_ACCESS_KEY_ID=\.\.\. AWS_SECRET_ACCESS_KEY=\.\.\. /,
    );
  });

  // Only Linux has a device that is always full.
  test.skipIf(!existsSync("/dev/full"))(
    "a server whose stdout is full says so in a line, and serves",
    async () => {
      const full = openSync("/dev/full", "w");
      const ready = join(scratch, "ready.json");
      const main = resolve(import.meta.dirname, "..", "..", "command", "main.ts");
      const args = [main, "--port", "0", "--memory", "--ready-file", ready];
      const server = follow(spawn(process.execPath, args, { stdio: ["ignore", full, "pipe"] }));
      closeSync(full);
      await server.untilStderr(/^millrace: stdout cannot be written \(ENOSPC\)\n$/);
      const { endpoint } = JSON.parse(readFileSync(ready, "utf8")) as { endpoint: string };
      expect((await fetch(`${endpoint}/_millrace/health`)).status).toBe(200);
      server.process.kill();
      expect((await server.ended).exitCode).toBe(0);
    },
  );

  test("--help names every command, and has examples", async () => {
    const { exitCode, stdout, stderr } = await runToEnd(["--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const { name } of table) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(stdout).toMatch(/^Examples:$/m);
    expect(stdout.split("\n").length).toBeLessThan(40);
  });

  test.each([
    ["start", "--help"],
    ["help", "start"],
  ])("%s %s names every flag of the server, one line each", async (...args) => {
    const { exitCode, stdout, stderr } = await runToEnd(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const source = readFileSync("command/start.ts", "utf8");
    const flags = [...source.matchAll(/\.option\("--([a-z-]+)/g)];
    expect(flags.length).toBeGreaterThan(10);
    for (const [, flag = ""] of flags) expect(stdout).toMatch(new RegExp(`^  --${flag} `, "m"));
    expect(stdout.split("\n").filter((line) => line.startsWith("     "))).toEqual([]);
    expect(stdout).toMatch(/^Examples:$/m);
  });

  test("the README lists every flag of the server", () => {
    const source = readFileSync("command/start.ts", "utf8");
    const [, section = ""] =
      /^## The local server$(.*?)^Without keys/ms.exec(readFileSync("README.md", "utf8")) ?? [];
    const listed = new Set([...section.matchAll(/--[a-z-]+/g)].map(([flag]) => flag));
    // The flags of a cluster are in docs/CLUSTER.md.
    const flags = [...source.matchAll(/\.option\("(--[a-z-]+)/g)].map(([, flag = ""]) => flag);
    expect(flags.filter((flag) => !listed.has(flag) && !flag.startsWith("--cluster-"))).toEqual([]);
  });

  test("a help page shows what a flag has by default once, in brackets", async () => {
    const { stdout } = await runToEnd(["tail", "--help"]);
    expect(stdout).toMatch(/^  --poll <duration> .* \(250ms\)$/m);
    expect(stdout).not.toContain("default");
  });

  test("--version is one line", async () => {
    const { exitCode, stdout } = await runToEnd(["--version"]);
    expect(stdout).toMatch(/^millrace \d+\.\d+\.\d+\n$/);
    expect(exitCode).toBe(0);
  });

  test("the banner has at most ten lines and an endpoint that answers", async () => {
    await using server = await startServer();
    expect(server.banner.trimEnd().split("\n").length).toBeLessThanOrEqual(10);
    expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(server.banner).toContain(`--endpoint-url ${server.endpoint}`);
    expect(server.banner).toContain(`console   ${server.endpoint}/ `);
    expect((await fetch(server.endpoint)).status).toBeGreaterThan(0);
  });

  test("the direct endpoint answers like the other", async () => {
    await using server = await startServer();
    const direct = /direct +(http:\S+)/.exec(server.banner)?.[1] ?? "";
    const replies = await Promise.all([fetch(direct), fetch(server.endpoint)]);
    expect(direct).not.toBe(server.endpoint);
    expect(replies[0].status).toBe(replies[1].status);
    expect(await replies[0].text()).toBe(await replies[1].text());
  });

  test("an IPv6 host is an endpoint too", async () => {
    await using server = await startServer({ flags: ["--memory", "--host", "::1"] });
    expect(server.endpoint).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(server.endpoint)).status).toBeGreaterThan(0);
  });
});

describe("an end that was asked for", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s: all is gone, code 0", async (signal) => {
    await using server = await startServer();
    const ended = await server.stop(signal);
    expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
    expect(server.workerdPids.filter((pid) => isRunning(pid))).toEqual([]);
    expect(readdirSync(server.data)).not.toContain("owner.json");
    expect(readdirSync(server.data)).not.toContain("tmp");
  });

  // A start takes about a second, and longer than an end on any machine: it says how fast this one is.
  test("a request that never ends is given up after two seconds, code 0", async () => {
    const beganMs = performance.now();
    await using server = await startServer();
    const oneStartMs = performance.now() - beganMs;
    await openEndlessRequest(server.endpoint);
    const startMs = performance.now();
    const ended = await server.stop();
    expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
    expect(performance.now() - startMs).toBeLessThan(2000 + oneStartMs);
  });

  test("a second Ctrl-C does not wait", async () => {
    const beganMs = performance.now();
    await using server = await startServer();
    const oneStartMs = performance.now() - beganMs;
    await openEndlessRequest(server.endpoint);
    const startMs = performance.now();
    const ended = server.stop("SIGINT");
    const repeat = setInterval(() => process.kill(server.pid, "SIGINT"), 250);
    const { exitCode } = await ended;
    clearInterval(repeat);
    expect(exitCode).toBe(130);
    expect(performance.now() - startMs).toBeLessThan(500 + oneStartMs);
    await Promise.all(server.workerdPids.map((pid) => untilGone(pid)));
  });

  test("--memory leaves no folder behind", async () => {
    await using server = await startServer({ flags: ["--memory"] });
    expect(existsSync(server.data)).toBe(true);
    await server.stop();
    expect(existsSync(server.data)).toBe(false);
  });

  // A terminal sends Ctrl-C to every process in front of it: npm, the server and workerd. A
  // script that started npm knows only npm.
  test.each([
    ["Ctrl-C in the terminal of npm start", "SIGINT", -1],
    ["SIGTERM to npm start", "SIGTERM", 1],
  ] as const)("%s is one clean end", async (_how, signal, sign) => {
    const npm = spawn("npm", ["start", "--silent", "--", "--port", "0", "--memory"], {
      cwd: resolve(import.meta.dirname, "..", ".."),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const running = follow(npm);
    const banner = await readBanner(running);
    process.kill(sign * (npm.pid ?? 0), signal);
    const { exitCode, stderr } = await running.ended;
    expect(exitCode).toBe(0);
    expect(stderr).not.toMatch(/millrace|worker/);
    await expect(fetch(bannerValue(banner, "endpoint"))).rejects.toThrow();
  });
});

describe("kill -9", () => {
  test("of npm ends the server that npm start began", async () => {
    const npm = spawn("npm", ["start", "--silent", "--", "--port", "0", "--memory", "--json"], {
      cwd: resolve(import.meta.dirname, "..", ".."),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const line = await new Promise<string>((done) =>
      npm.stdout.once("data", (text: Buffer) => done(text.toString())),
    );
    const { pid }: { pid: number } = JSON.parse(line);
    npm.kill("SIGKILL");
    await untilGone(pid);
  });

  test("workerd goes with the server, and the folder serves the next one at once", async () => {
    await using first = await startServer();
    await first.kill9();
    await using second = await startServer({ data: first.data });
    expect(first.workerdPids.filter((pid) => isRunning(pid))).toEqual([]);
    expect((await fetch(second.endpoint)).status).toBeGreaterThan(0);
  });

  test("--memory: workerd and the folder go with the server", async () => {
    await using server = await startServer({ flags: ["--memory"] });
    await server.kill9();
    await Promise.all(server.workerdPids.map((pid) => untilGone(pid)));
    await expect.poll(() => existsSync(server.data)).toBe(false);
  });

  test("a workerd that is killed comes back, on the same endpoint and in the same watch", async () => {
    await using server = await startServer();
    const [workerd = 0] = server.workerdPids;
    process.kill(workerd, "SIGKILL");
    await untilGone(workerd);
    await expect.poll(async () => (await fetch(server.endpoint)).status).not.toBe(502);
    const ended = await server.stop();
    expect(ended.stderr).toMatch(/crashed unexpectedly and is being restarted/);
    expect(ended.exitCode).toBe(0);
  });
});

describe("the data folder", () => {
  test("is its owner's alone, all that is in it too, even one that others could read", async () => {
    const data = mkdtempSync(join(scratch, "open-"));
    chmodSync(data, 0o755);
    await using server = await startServer({ data });
    await fetch(`${server.endpoint}/bigdata/object`, { method: "PUT", body: "secret" });
    const paths = readdirSync(data, { recursive: true }).map((name) => join(data, String(name)));
    expect(paths.filter((path) => path.endsWith(".sqlite")).length).toBeGreaterThan(1);
    const readable = [data, ...paths].filter((path) => (statSync(path).mode & 0o077) !== 0);
    expect(readable).toEqual([]);
  });

  test("a pid that is another program's by now is neither waited for nor blamed", async () => {
    const other = spawn("sleep", ["50"], { argv0: "workerd", stdio: "ignore" });
    const data = mkdtempSync(join(scratch, "stale-"));
    const stale = { pid: other.pid, start: "long ago", runtimePid: other.pid };
    for (const owner of [{ ...stale, runtimeStart: "long ago" }, stale]) {
      writeFileSync(join(data, "owner.json"), JSON.stringify(owner));
      await using server = await startServer({ data });
      await server.stop();
    }
    writeFileSync(join(data, "owner.json"), JSON.stringify(stale));
    const lock = new DatabaseSync(join(data, "lock"));
    lock.exec("BEGIN EXCLUSIVE");
    const ended = await runToEnd(["--port", "0", "--data", data]);
    lock.close();
    expect(ended.stderr).toMatch(/^millrace: .* is in use by another program: stop it[^\n]*\n$/);
    expect(isRunning(other.pid ?? 0)).toBe(true);
    other.kill("SIGKILL");
  });

  test("a workerd that has outlived its server is named, because it is that one", async () => {
    const orphan = spawn("sleep", ["50"], { stdio: "ignore" });
    const pid = orphan.pid ?? 0;
    const data = mkdtempSync(join(scratch, "orphan-"));
    const owner = { pid: 1, start: "", runtimePid: pid, runtimeStart: startOf(pid) };
    writeFileSync(join(data, "owner.json"), JSON.stringify(owner));
    const ended = await runToEnd(["--port", "0", "--data", data]);
    orphan.kill("SIGKILL");
    expect(ended.stderr).toMatch(
      new RegExp(`^millrace: .*workerd, pid ${pid}, .*kill -9 ${pid}\\n$`),
    );
    expect(ended.exitCode).toBe(1);
  });
});

describe("a workerd that dies while it starts", () => {
  test("is started again until it lives", async () => {
    await using server = await startServer();
    const holder = await takePort(server);
    await server.untilStderr(/trying again in 250 ms/);
    await new Promise((done) => holder.close(done));
    const status = async () => (await fetch(`${server.endpoint}/_millrace/stats`)).status;
    await expect.poll(status).toBe(200);
    expect((await server.stop()).exitCode).toBe(0);
  });

  test("ends the server when that does not help, in one line and with code 1", async () => {
    await using server = await startServer();
    const holder = await takePort(server);
    const ended = await server.ended;
    holder.close();
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr.trimEnd().split("\n").at(-1)).toMatch(/^millrace: workerd did not start: /);
    expect(readdirSync(server.data)).not.toContain("owner.json");
  });
});

/** Kills workerd, and takes its port before the next one can; the next one too, when that was faster. */
async function takePort(server: Server): Promise<NetServer> {
  const port = Number(new URL(bannerValue(server.banner, "direct").replace(/ .*$/, "")).port);
  let killed = 0;
  for (;;) {
    const workerd = readRuntimePid(server.data);
    if (workerd !== killed && isRunning(workerd)) process.kill(workerd, "SIGKILL");
    killed = workerd;
    const holder = createServer((socket) => socket.destroy());
    const isMine = await new Promise<boolean>((done) => {
      holder.once("error", () => done(false));
      holder.listen(port, "127.0.0.1", () => done(true));
    });
    if (isMine) return holder;
  }
}

/** Sends the head of a request, and of its body only the first byte. */
async function openEndlessRequest(endpoint: string): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => socket.destroy());
  const head = `POST / HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 9\r\n\r\n{`;
  await new Promise<void>((done) => socket.write(head, () => done()));
  // workerd has the request when it answers a later one on another connection.
  await fetch(endpoint);
}
