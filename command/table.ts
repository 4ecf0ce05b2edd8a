/** The sub-commands of `millrace`, in the order of the help page. The first one is the default. */
import type { Entry } from "./subcommand.ts";

export const table: readonly Entry[] = [
  {
    name: "start",
    summary:
      "serve Kinesis, v3io, Yandex Data Streams and Durable Streams on this machine (the default)",
    load: async () => (await import("./start.ts")).start,
  },
  {
    name: "ls",
    summary: "list the streams",
    load: async () => (await import("./ls.ts")).ls,
  },
  {
    name: "create",
    summary: "make a stream",
    load: async () => (await import("./create.ts")).create,
  },
  {
    name: "describe",
    summary: "show a stream, and its shards as a tree",
    load: async () => (await import("./describe.ts")).describe,
  },
  {
    name: "put",
    summary: "put a record, or the lines of stdin",
    load: async () => (await import("./put.ts")).put,
  },
  {
    name: "tail",
    summary: "print records as they arrive",
    load: async () => (await import("./tail.ts")).tail,
  },
  {
    name: "get",
    summary: "print the records that are there, or one of them",
    load: async () => (await import("./get.ts")).get,
  },
  {
    name: "count",
    summary: "count records",
    load: async () => (await import("./count.ts")).count,
  },
  {
    name: "export",
    summary: "write records to a file, as lines of JSON",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  {
    name: "import",
    summary: "put the records of a file",
    load: async () => (await import("./import.ts")).importCommand,
  },
  {
    name: "split",
    summary: "make two shards of one",
    load: async () => (await import("./reshard.ts")).split,
  },
  {
    name: "merge",
    summary: "make one shard of two",
    load: async () => (await import("./reshard.ts")).merge,
  },
  {
    name: "delete",
    summary: "delete a stream",
    load: async () => (await import("./delete.ts")).deleteCommand,
  },
  {
    name: "bench",
    summary: "measure what this machine gets from a service",
    load: async () => (await import("./bench.ts")).bench,
  },
  {
    name: "doctor",
    summary: "check the data folder of a server that is stopped",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "completion",
    summary: "print a script that completes commands in a shell",
    load: async () => (await import("./completion.ts")).completion,
  },
];
