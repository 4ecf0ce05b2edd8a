// A clock that is wrong for a while, as a shard sees it: records that have been stored are neither hidden
// nor removed because of it once it is right again, and a record that arrives has its place.

import { noonMs, setClock } from "../../support/clock.ts";
import { afterEach, describe, expect, test } from "vitest";
import { forgetDelayMs, sealAgeMs, segmentBytesMin } from "../../../worker/limits.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { append, openShard, record, sabotage, textOf } from "../../support/shards.ts";
import { gatherAll, ringAlarm, ringAlarmSetFor, statsOf, tidyUp } from "../../support/storage.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

afterEach(tidyUp);

describe("set forward by three days and back", () => {
  test("readers see again what had seemed expired", async () => {
    const shard = await openShard();
    const keysSeen = async () => {
      const seen = await gatherAll(shard, { limits: { recordsMax: 1 } });
      return seen.map(({ key }) => new TextDecoder().decode(key));
    };
    setClock(noonMs);
    await append(shard, segmentOf("a"));
    setClock(noonMs + 20 * hourMs);
    await append(shard, segmentOf("b"));
    setClock(noonMs + 30 * hourMs);
    await gatherAll(shard);
    expect(await keysSeen()).toEqual(["b"]);
    setClock(noonMs + 21 * hourMs);
    expect(await keysSeen()).toEqual(["a", "b"]);
  });

  test("nothing is removed by an alarm that rings meanwhile", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await append(shard, "a");
    await ringAlarmSetFor(shard, noonMs + sealAgeMs, noonMs + 3 * dayMs);
    expect(await gatherAll(shard)).toEqual([]);
    setClock(noonMs + sealAgeMs);
    expect((await gatherAll(shard)).map(textOf)).toEqual(["a"]);
  });

  test("what has expired by a clock that stays is removed ten minutes later", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await append(shard, "a");
    await ringAlarmSetFor(shard, noonMs + sealAgeMs, noonMs + 3 * dayMs);
    expect((await statsOf(shard)).records).toBe(1);
    const alarmMs = (await sabotage(shard, (storage) => storage.getAlarm())) ?? 0;
    expect(alarmMs).toBe(noonMs + 3 * dayMs + forgetDelayMs);
    await ringAlarmSetFor(shard, alarmMs, alarmMs);
    expect((await statsOf(shard)).records).toBe(0);
  });

  test("retention that is changed meanwhile hides no record to come", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await append(shard, "a");
    setClock(noonMs + 3 * dayMs);
    unwrap(await shard.retain(48));
    setClock(noonMs + hourMs);
    await append(shard, "b");
    const records = await gatherAll(shard);
    expect(records.map(textOf)).toEqual(["b"]);
    expect(records[0]?.timeMs).toBe(noonMs + hourMs);
  });

  test("retention that is changed by a clock ahead hides no record of the same moment", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await append(shard, "a");
    setClock(noonMs + 3 * dayMs);
    unwrap(await shard.retain(48));
    setClock(noonMs);
    await append(shard, "b");
    expect((await gatherAll(shard)).map(textOf)).toEqual(["b"]);
  });

  test("records of meanwhile keep their place, and later ones come after them", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await append(shard, "a");
    setClock(noonMs + 3 * dayMs);
    await append(shard, "b");
    setClock(noonMs + hourMs);
    await append(shard, "c");
    const records = await gatherAll(shard);
    expect(records.map(textOf)).toEqual(["a", "b", "c"]);
    const times = records.map(({ timeMs }) => timeMs - noonMs);
    expect(times).toEqual([0, 3 * dayMs, 3 * dayMs]);
  });

  test("a tail of meanwhile is sealed in its time", async () => {
    const shard = await openShard();
    setClock(noonMs + 3 * dayMs);
    await append(shard, "a");
    await ringAlarm(shard, noonMs);
    expect((await statsOf(shard)).segments.count).toBe(1);
  });
});

/** A record that is a segment by itself. */
function segmentOf(key: string) {
  return record(new Uint8Array(segmentBytesMin).fill(1), key);
}
