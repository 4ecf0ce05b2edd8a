// All mutations, by the room of the code that they are in. `npm run mutate -- --check` holds them to the code.
import type { Mutation } from "./mutation.ts";
import { accessMutations } from "./table/access.ts";
import { httpMutations } from "./table/http.ts";
import { shardMutations } from "./table/shard.ts";
import { catalogMutations } from "./table/catalog.ts";
import { readingMutations } from "./table/reading.ts";
import { kinesisMutations } from "./table/kinesis.ts";
import { queueMutations } from "./table/queue.ts";
import { v3ioMutations } from "./table/v3io.ts";
import { yandexMutations } from "./table/yandex.ts";
import { durableMutations } from "./table/durable.ts";
import { engineMutations } from "./table/engine.ts";
import { localMutations } from "./table/local.ts";
import { scanMutations } from "./table/scan.ts";
import { commandMutations } from "./table/command.ts";

export const table: readonly Mutation[] = [
  ...accessMutations,
  ...httpMutations,
  ...shardMutations,
  ...catalogMutations,
  ...readingMutations,
  ...kinesisMutations,
  ...queueMutations,
  ...v3ioMutations,
  ...yandexMutations,
  ...engineMutations,
  ...localMutations,
  ...scanMutations,
  ...commandMutations,
  ...durableMutations,
];
