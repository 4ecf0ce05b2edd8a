// What Millrace aims at, and what a results file says of it. An aim without a figure in the file is
// a dash; nothing is rounded in its favour. There is no aim for code that no request calls.

import type { Summary } from "../tools/load.ts";
import type { EngineRow, PeerRow, Results } from "./results.ts";
import { formatNumber, type Table } from "./textTable.ts";

interface Aim {
  what: string;
  aim: string;
  command: string;
  measured: (results: Results) => string;
}

const kibibyte = 1024;

const aims: Aim[] = [
  {
    what: "engine: render Kinesis JSON, 1 KiB records",
    aim: "4 GB/s, 6 times plain TypeScript; 3 times with the copies",
    command: "npm run bench -- engine",
    measured: (results) => renderOf(results, kibibyte),
  },
  {
    what: "engine: the same, 100-byte records",
    aim: "1.3 GB/s, 10 times; 6 times with the copies",
    command: "npm run bench -- engine",
    measured: (results) => renderOf(results, 100),
  },
  {
    what: "engine: find by time among 10,000",
    aim: "under 1000 ns",
    command: "npm run bench -- engine",
    measured: ({ engine }) => {
      const find = engine?.finds.find(({ title }) => title.startsWith("by time"));
      return find === undefined ? "" : `${formatNumber(find.inPlaceNs)} ns`;
    },
  },
  {
    what: "GetRecords, 1 MiB pages of 1 KiB records",
    aim: "20 times kinesalite, level with Redis XRANGE",
    command: "npm run bench -- peers",
    measured: ({ peers }) => compare(peers?.rows, "page", ["kinesalite", "redis"]),
  },
  {
    what: "GetRecords of sealed history: requests to the shard for a page",
    aim: "0",
    command: "npm run bench -- http",
    measured: ({ http }) => {
      const page = http?.rows.find(({ id }) => id === `history ${kibibyte}`);
      const { shardPages = NaN, viewRequests = NaN } = page?.observed ?? {};
      const asked = `${shardPages} pages and ${viewRequests} views in ${page?.exchanges}`;
      return page === undefined ? "" : asked;
    },
  },
  {
    what: "PutRecords, 500 × 1 KiB, durable",
    aim: "6 times kinesalite, aiming at 10",
    command: "npm run bench -- peers",
    measured: ({ peers }) => compare(peers?.rows, "batch", ["kinesalite"]),
  },
  {
    what: "the same, records/s beside Redis XADD over 64 connections",
    aim: "level",
    command: "npm run bench -- peers",
    measured: ({ peers }) => {
      const ours = peers?.rows.find(isPeer("batch", "millrace"))?.recordsPerSecond;
      const theirs = peers?.rows.find(isPeer("single", "redis"))?.recordsPerSecond;
      return ours === undefined || theirs === undefined
        ? ""
        : `${formatNumber(ours / theirs)} times`;
    },
  },
  {
    what: "PutRecord, 64 connections, durable: rows written for a request",
    aim: "at most 0.125",
    command: "npm run bench -- http",
    measured: ({ http }) => rowsOf(http?.rows, 64),
  },
  {
    what: "PutRecord, one connection: rows written for a request",
    aim: "about 1",
    command: "npm run bench -- http",
    measured: ({ http }) => rowsOf(http?.rows, 1),
  },
];

export function aimsTable(results: Results): Table {
  return {
    title: "What Millrace aims at, and what was measured",
    columns: ["what", "aim", "measured", "command"],
    rows: aims.map(({ what, aim, command, measured }) => [
      what,
      aim,
      measured(results) || "–",
      `\`${command}\``,
    ]),
  };
}

function renderOf({ engine }: Results, recordBytes: number): string {
  const row = engine?.batches.find(isOf("render Kinesis JSON", recordBytes));
  const front = engine?.batches.find(isOf("the same as the front", recordBytes));
  if (row === undefined) return "";
  const { dataBytes, inPlaceNs = NaN, plainNs = NaN } = row;
  const speed = formatNumber(dataBytes / inPlaceNs);
  const times = formatNumber(plainNs / inPlaceNs);
  const byFront = front === undefined ? "" : `, as the front prints ${copiesTimes(front)} times`;
  return `${speed} GB/s, ${times} times; ${copiesTimes(row)} times${byFront}`;
}

function copiesTimes({ copiesNs = NaN, plainCopiesNs = NaN }: EngineRow): string {
  return formatNumber(plainCopiesNs / copiesNs);
}

function isOf(title: string, recordBytes: number): (row: EngineRow) => boolean {
  return (row) => row.title === title && row.recordBytes === recordBytes;
}

function isPeer(group: string, subject: string): (row: PeerRow) => boolean {
  return (row) => row.group === group && row.subject === subject;
}

function compare(
  rows: readonly PeerRow[] | undefined,
  group: string,
  subjects: readonly string[],
): string {
  const own = ["millrace", "millrace direct"].map((subject) =>
    compareTo(rows, group, subject, subjects),
  );
  return own.every((text) => text !== "") ? `${own[0]}; directly ${own[1]}` : (own[0] ?? "");
}

function compareTo(
  rows: readonly PeerRow[] | undefined,
  group: string,
  subject: string,
  subjects: readonly string[],
): string {
  const ours = rows?.find(isPeer(group, subject));
  if (ours === undefined) return "";
  const ratios = subjects.flatMap((subject) => {
    const theirs = rows?.find(isPeer(group, subject));
    if (theirs === undefined) return [];
    return [`${formatNumber(ours.recordsPerSecond / theirs.recordsPerSecond)} times ${subject}`];
  });
  return ratios.join(", ");
}

function rowsOf(rows: readonly Summary[] | undefined, connections: number): string {
  const row = rows?.find(({ id }) => id === `put one ${connections}`);
  return row === undefined ? "" : formatNumber((row.observed["rows"] ?? NaN) / row.exchanges);
}
