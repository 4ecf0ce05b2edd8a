// Files run one after the other in the same workerd. At the end of each, every object is deleted with
// its storage, the simulated bucket too, and the isolate forgets what the catalogs have told it.

import { reset } from "cloudflare:test";
import { afterAll } from "vitest";
import { forgetAll } from "../../worker/stream/directory.ts";
import { forgetAllQueues } from "../../worker/stream/queueDirectory.ts";

afterAll(async () => {
  await reset();
  forgetAll();
  forgetAllQueues();
});
