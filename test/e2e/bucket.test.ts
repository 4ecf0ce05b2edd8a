// The local server's bucket beside Miniflare's R2: the same steps end the same, and what was put is
// there when the server starts again on the same folder.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import { afterAll, expect, test } from "vitest";
import { buildWorker } from "../../local/build.ts";
import { startS3 } from "../support/s3.ts";
import { type Runtime, type RuntimeOptions, startRuntime } from "../../local/runtime.ts";
import { compatibilityDate } from "../../local/workerdConfig.ts";

const scratch = mkdtempSync(join(tmpdir(), "millrace-bucket-"));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("does what R2 does with the same requests, and keeps what it has", async () => {
  const ours = { files: { binding: "FILES", keeperBinding: "FILE_KEEPER", folder: "bucket" } };
  const keys = ["segments/a/7", "segments/a/8"];
  const expected = [null, [], "first", "third", true, 0, keys, [], [], ["segments/ab/1"]];
  expect(await takeStepsOfPeer()).toEqual(expected);
  expect(await takeSteps("ours", ours)).toEqual(expected);
  expect(await takeSteps("ours", ours)).toEqual(expected);
});

test("over S3's API it does the same", async () => {
  await using s3 = await startS3();
  const settings = {
    endpoint: s3.endpoint,
    region: "us-east-1",
    bucket: "mill",
    prefix: "one/",
    accessKeyId: "test",
    secretAccessKey: "test",
  };
  const bindings = { MILLRACE_S3: JSON.stringify(settings) };
  const steps = await takeSteps("s3", { servers: { S3: s3.endpoint }, bindings });
  expect(steps).toEqual(await takeStepsOfPeer());
  expect([...s3.objects.keys()]).toEqual(["mill/one/segments/ab/1"]);
});

const entry = join(import.meta.dirname, "fixtures", "bucket-worker.ts");

/** The same Worker, with the bucket of Miniflare. */
async function takeStepsOfPeer(): Promise<unknown> {
  const { folder, main } = await buildWorker(entry, join(scratch, "build"));
  const contents = readFileSync(join(folder, main), "utf8");
  const peer = new Miniflare({
    cf: false,
    telemetry: { enabled: false },
    enableDevRegistry: false,
    workers: [
      {
        config: {
          name: "peer",
          compatibilityDate,
          manifest: {
            mainModule: main,
            modulesRoot: folder,
            modules: { [main]: { type: "esm", contents } },
          },
          env: { SEGMENTS: { type: "r2", name: "segments" } },
        },
      },
    ],
  });
  try {
    return await (await peer.dispatchFetch("http://peer/")).json();
  } finally {
    await peer.dispose();
  }
}

async function takeSteps(name: string, options: Partial<RuntimeOptions>): Promise<unknown> {
  const modules = await buildWorker(entry, join(scratch, "build"));
  const folder = { path: join(scratch, name), scratch: join(scratch, name, "tmp") };
  mkdirSync(folder.scratch, { recursive: true });
  const runtime: Runtime = await startRuntime({ modules, folder, ...options });
  try {
    return await (await fetch(`http://${runtime.host}:${runtime.port}/`)).json();
  } finally {
    await runtime.dispose();
  }
}
