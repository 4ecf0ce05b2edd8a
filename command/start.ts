/** `millrace start`: reads the flags of the local server and serves until a signal ends it. */
import type { Command } from "commander";
import { programName } from "./version.ts";
import { type FlagValues, readFlags } from "../local/flags.ts";
import { addExamples } from "./subcommand.ts";

/** The flags of the server, each with what it means and the default in brackets. */
export function start(command: Command): void {
  command
    .option("--port <n>", "port to listen on; 0 takes a free one (4567)")
    .option("--host <address>", "address to listen on (127.0.0.1)")
    .option("--direct <n>", "port of workerd's own socket, HTTP/1.1 only (a free one)")
    .option("--data <folder>", "folder that keeps the data (.millrace)")
    .option("--memory", "keep nothing: use a folder that is deleted at the end")
    .option("--min-free <megabytes>", "refuse writes below this free disk space (128)")
    .option("--auth <file>", "access keys, in JSON; else MILLRACE_AUTH in the environment")
    .option("--allow-host <host>", "without keys: accept this name as Host; repeatable", append)
    .option("--allow-origin <origin>", "without keys: accept its web pages; repeatable", append)
    .option("--containers <names>", "the v3io containers (bigdata,users,projects)")
    .option("--limits <kinesis>", "apply the quotas of Amazon Kinesis, to test their errors")
    .option("--transition-ms <ms>", "how long streams stay CREATING, UPDATING or DELETING (0)")
    .option("--long-poll-ms <ms>", "how long a long poll of Durable Streams waits (20000)")
    .option("--streams <list>", "make these streams, such as orders:4,clicks:1")
    .option("--iterator-ttl <time>", "age at which shard iterators expire (5m)")
    .option("--error-rate <rates>", "make calls fail, such as PutRecords=0.1; repeatable", append)
    .option("--latency <time>", "delay every reply, such as 200ms")
    .option("--log <level>", "a line for each request: info, warn or error (off)")
    .option("--tls", "speak TLS too, with a certificate that is made once")
    .option("--cert <file>", "speak TLS with this certificate, in PEM")
    .option("--key <file>", "the private key of --cert, in PEM")
    .option("--json", "tell where the server is as one line of JSON on stdout")
    .option("--ready-file <file>", "write that line to a file when requests are accepted")
    .option("--parent <pid>", "end when this process has ended, however it ended")
    .option("--cluster <bucket>", "share all data with other instances over s3://bucket/prefix")
    .option("--cluster-address <host:port>", "where this instance listens for the others")
    .option("--cluster-advertise <host:port>", "where the others reach it, if not there")
    .option("--cluster-key <file>", "the secret that all instances have, 32 characters or more")
    .option("--cluster-credentials <file>", "AWS_* lines; else AWS_* variables are used")
    .action(async (values: FlagValues) => {
      const flags = readFlags(values);
      // Loading what serves takes half a second, which a wrong flag need not wait for.
      const { serve } = await import("../local/serve.ts");
      await serve(flags);
    });
  addExamples(command, [
    [`${programName} start`, "serve on port 4567 and keep the data in .millrace"],
    [`${programName} start --port 0 --memory`, "serve on a free port and keep nothing"],
    [`${programName} start --port 0 --memory --ready-file server.json --parent $$`, "for a script"],
  ]);
}

function append(value: string, values: string[] = []): string[] {
  return [...values, value];
}
