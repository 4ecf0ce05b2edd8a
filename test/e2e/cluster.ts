/**
 * Starts instances of a cluster over a test server of S3, for tests that stop and kill them. Leases
 * run ten times as fast as usual.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startS3, type S3Server } from "../support/s3.ts";
import { type Server, type ServerOptions, startServer } from "./server.ts";

export interface Cluster extends AsyncDisposable {
  s3: S3Server;
  /** Starts one more instance. */
  start(options?: ServerOptions): Promise<Server>;
}

export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-cluster-"));
  const key = join(folder, "key");
  writeFileSync(key, "a secret of the cluster, for tests only");
  const s3 = await startS3();
  const clusterFlags = [
    "--cluster=s3://mill/test",
    `--cluster-key=${key}`,
    "--cluster-address=127.0.0.1:0",
  ];
  const servers: Server[] = [];
  return {
    s3,
    async start({ flags = [], env = {}, ...rest } = {}) {
      const server = await startServer({
        ...rest,
        flags: ["--memory", ...clusterFlags, ...flags],
        env: {
          AWS_ENDPOINT_URL_S3: s3.endpoint,
          AWS_ACCESS_KEY_ID: "test",
          AWS_SECRET_ACCESS_KEY: "test",
          MILLRACE_CLUSTER_TIME_DIVISOR: "10",
          ...env,
        },
      });
      servers.push(server);
      return server;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      await s3[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
