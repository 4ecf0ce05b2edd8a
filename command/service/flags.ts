/** The flags of every command that talks to a service. */
import type { Command } from "commander";
import type { ServiceFlags } from "./settings.ts";

export type { ServiceFlags } from "./settings.ts";

/** Adds `--endpoint`, `--region` and `--profile`, whose values are `ServiceFlags`. */
export function addServiceFlags(command: Command): Command {
  return command
    .option(
      "--endpoint <url>",
      "service to talk to; aws is Amazon Kinesis (AWS_ENDPOINT_URL, else this machine)",
    )
    .option("--region <name>", "region (AWS_REGION, else us-east-1)")
    .option("--profile <name>", "profile of the AWS configuration files (AWS_PROFILE)");
}

/** The service flags among the values of a command. */
export function serviceFlags({ endpoint, region, profile }: ServiceFlags): ServiceFlags {
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    ...(profile !== undefined && { profile }),
  };
}
