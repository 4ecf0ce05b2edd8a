// Measures reading history, reading at the tip, and putting from 5, 50 and 150 ms away, in one run:
// how long a Worker waits for its shard, and how often it calls it. server.ts starts the Workers;
// each adds its own round trip to every call of a Durable Object. All read the same streams.
// Readers of history and producers take turns, round after round; consumers at the tip run at the
// same time.

import { countAround } from "./counts.ts";
import { fillHistory, type History, HistoryReader, readSlowly, readStrange } from "./history.ts";
import { type Place, type Places, startPlaces } from "./places.ts";
import { followTail, type TailPlan } from "./tail.ts";
import { type DistanceRow, Tally } from "./tally.ts";
import { checkPut, KinesisClient, makePut, makeSinglePut, newHash } from "../http/kinesis.ts";
import { makeDataFolder } from "../tools/process.ts";
import type { Progress } from "../tools/progress.ts";
import type { Run } from "../report/results.ts";
import { HttpConnection } from "../tools/wire.ts";

export interface DistanceBench {
  rows: DistanceRow[];
  /** Of the history's records, as they were read back. */
  hash: string;
}

/** What a run leaves in its file. */
export type DistanceResults = Run & DistanceBench;

export interface DistanceOptions {
  quick: boolean;
  dataParent?: string;
}

export const roundTripsMs = [5, 50, 150] as const;
/** Fills the streams, and puts what the consumers at the tip receive. */
const nearMs = 0;
const kibibyte = 1024;

interface Plan {
  bucketRecords: number;
  plainRecords: number;
  limit: number;
  bucketRounds: number;
  plainRounds: number;
  slowPages: number;
  slowPauseMs: number;
  tail: TailPlan;
  putRounds: number;
  putRoundMs: number;
}

const fullPlan: Plan = {
  bucketRecords: 64_000,
  plainRecords: 20_000,
  limit: 1000,
  bucketRounds: 2,
  plainRounds: 2,
  slowPages: 5,
  slowPauseMs: 1200,
  tail: { puts: 160, recordsPerPut: 10, pauseMs: 20 },
  putRounds: 2,
  putRoundMs: 900,
};

const quickPlan: Plan = {
  bucketRecords: 3000,
  plainRecords: 3000,
  limit: 1000,
  bucketRounds: 1,
  plainRounds: 1,
  slowPages: 1,
  slowPauseMs: 1200,
  tail: { puts: 5, recordsPerPut: 2, pauseMs: 5 },
  putRounds: 1,
  putRoundMs: 0,
};

/** The request that a producer repeats, and its number of records. */
const puts = [
  { title: "PutRecord", recordsPerPut: 1 },
  { title: "PutRecords, 500 records", recordsPerPut: 500 },
];

export async function benchDistance(
  { quick, dataParent }: DistanceOptions,
  progress: Progress,
): Promise<DistanceBench> {
  const plan = quick ? quickPlan : fullPlan;
  progress("distance: starting the server");
  using folder = makeDataFolder(dataParent);
  await using places = await startPlaces(folder.path, [nearMs, ...roundTripsMs]);
  progress("distance: filling streams");
  const { bucket, plain, hash } = await fill(places, plan);
  const far = roundTripsMs.map((roundTripMs) => places.find(roundTripMs, true));
  const near = places.find(nearMs, true);
  const tallies: Tally[] = [];
  for (const place of far) tallies.push(await readStrange(near, place, bucket[0]!));
  tallies.push(...(await readHistory(places, true, bucket, progress)));
  tallies.push(...(await readHistory(places, false, plain, progress)));
  progress("distance: reading slowly");
  const { slowPages, slowPauseMs } = plan;
  const slow = far.map((place) => readSlowly(place, bucket[0]!, slowPages, slowPauseMs));
  tallies.push(...(await Promise.all(slow)));
  tallies.push(...(await putFromFar(far, plan, progress)));
  // The server ends a subscription some seconds after its client has disconnected, so it comes
  // last.
  for (const way of ["polled", "pushed"] as const) {
    progress(`distance: at the tip, ${way}`);
    tallies.push(...(await followTail(near, far, way, plan.tail)));
  }
  return { rows: tallies.map((tally) => tally.row()), hash };
}

/**
 * One stream in the bucket, which no isolate can keep as a whole; without it, one for each round.
 */
async function fill(places: Places, plan: Plan) {
  const stream = "history";
  const common = { stream, recordBytes: kibibyte, limit: plan.limit };
  const bucket = { ...common, records: plan.bucketRecords };
  const plain = Array.from({ length: plan.plainRounds }, (_, round) => {
    return { ...common, stream: `${stream}-${round}`, records: plan.plainRecords };
  });
  const near = places.find(nearMs, true);
  await fillHistory(near, bucket);
  for (const history of plain) await fillHistory(places.find(nearMs, false), history);
  const hash = newHash();
  const client = await KinesisClient.open(near.address);
  await client.readPages({ ...bucket, shard: 0 }, hash);
  client.close();
  return {
    bucket: Array.from({ length: plan.bucketRounds }, () => bucket),
    plain,
    hash: hash.digest("hex").slice(0, 16),
  };
}

/** A round for each history. The tallies of each kind together, in the order of the distances. */
async function readHistory(
  places: Places,
  bucket: boolean,
  histories: readonly History[],
  progress: Progress,
): Promise<Tally[]> {
  const readers = roundTripsMs.map((ms) => new HistoryReader(places.find(ms, bucket)));
  for (const history of histories)
    for (const [i, reader] of readers.entries()) {
      progress(`distance: history ${bucket ? "in the bucket" : "with the shard"}, ${i + 1} of 3`);
      await reader.read(history);
    }
  const kinds = readers[0]!.tallies.map((_, kind) => readers.map(({ tallies }) => tallies[kind]!));
  return kinds.flat();
}

async function putFromFar(
  places: readonly Place[],
  { putRounds, putRoundMs }: Plan,
  progress: Progress,
): Promise<Tally[]> {
  const stream = "puts";
  const client = await KinesisClient.open(places[0]!.address);
  await client.createStream(stream, 1);
  client.close();
  const tallies = puts.map(({ title }) =>
    places.map(({ roundTripMs }) => new Tally({ group: "put", title, roundTripMs })),
  );
  for (let round = 0; round < putRounds; round++)
    for (const [i, place] of places.entries()) {
      progress("distance: putting");
      for (const [kind, { recordsPerPut }] of puts.entries()) {
        await putFor(putRoundMs, place, stream, recordsPerPut, tallies[kind]![i]!);
      }
    }
  return tallies.flat();
}

/** One put after the other; the Worker knows the stream before the first measured put. */
async function putFor(
  roundMs: number,
  { address }: Place,
  stream: string,
  recordsPerPut: number,
  tally: Tally,
): Promise<void> {
  const request =
    recordsPerPut === 1
      ? makeSinglePut(address, stream, kibibyte, 0)
      : makePut(address, stream, kibibyte, 0, recordsPerPut);
  const connection = await HttpConnection.open(address);
  const put = async (): Promise<number> => {
    const startMs = performance.now();
    const { status, body } = await connection.exchange(request, 200);
    checkPut(status, body);
    return performance.now() - startMs;
  };
  await put();
  const { counts } = await countAround(address, async () => {
    const endMs = performance.now() + roundMs;
    do tally.add(await put(), recordsPerPut, recordsPerPut * kibibyte);
    while (performance.now() < endMs);
  });
  tally.endRound(counts);
  connection.close();
}
