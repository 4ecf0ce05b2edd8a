/** `millrace delete`: deletes a stream with its records, after a question or with `--yes`. */
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { Failure } from "../local/failure.ts";
import { openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { describeStream, streamMember, untilGone } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { print } from "./terminal/output.ts";
import { programName } from "./version.ts";

interface DeleteFlags extends ServiceFlags {
  yes?: boolean;
}

export function deleteCommand(command: Command): void {
  command
    .usage("<stream> [flags]")
    .argument("<stream>", "name or ARN of the stream")
    .option("--yes", "do not ask; needed where there is no terminal to ask on");
  addServiceFlags(command).action(deleteStream);
  addExamples(command, [[`${programName} delete orders --yes`, "delete the stream at once"]]);
}

async function deleteStream(stream: string, flags: DeleteFlags): Promise<void> {
  const client = openClient(flags);
  const { arn } = await describeStream(client, stream);
  if (
    flags.yes !== true &&
    !(await isConfirmed(`delete ${arn} and all its records at ${client.endpoint}?`))
  ) {
    throw new Failure("nothing was deleted");
  }
  await client.call("DeleteStream", { ...streamMember(stream), EnforceConsumerDeletion: true });
  await untilGone(client, stream);
  await print(`${stream}: deleted`);
}

async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Failure("there is no terminal to ask on: pass --yes", 2);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${question} [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
