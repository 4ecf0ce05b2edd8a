/** The sub-commands of `millrace`, in the order of the help page. The first one is the default. */
import type { Entry } from "./subcommand.ts";

export const table: readonly Entry[] = [
  {
    name: "start",
    summary: "serve the Kinesis, v3io and Yandex Data Streams APIs on this machine (the default)",
    load: async () => (await import("./start.ts")).start,
  },
];
