/**
 * Watches the bucket of a cluster from this instance: it is asked now and then, and when somebody asks
 * for the instance's health. The log has a line when the bucket stops answering, and one when it
 * answers again. What it finds is the reason in replies that are sent when workerd is not there,
 * because workerd ends without the bucket.
 */
import type { ClusterAnswer } from "../worker/core/cluster.ts";
import { reachBucket } from "./clusterBucket.ts";
import { messageOf } from "./failure.ts";
import type { S3Settings } from "./s3Bucket.ts";
import type { Handler } from "./services.ts";

const intervalMs = 10_000;

/** An answer is good for so long. */
const freshMs = 1000;

export interface BucketWatch {
  /** Why the instance should get no requests, by the last look. */
  trouble: () => string | undefined;
  /** What the Worker asks. */
  handler: Handler;
  /** From now on the instance hands its objects over. */
  leave(): void;
  stop(): void;
}

export function watchBucket(settings: S3Settings, log: (line: string) => void): BucketWatch {
  const name = `the bucket ${settings.bucket} at ${settings.endpoint}`;
  let lost: string | undefined;
  let losses = 0;
  let isLeaving = false;
  let lookedMs = -Infinity;
  let looking: Promise<void> | undefined;
  const look = async () => {
    const found = await reachBucket(settings).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
    lookedMs = performance.now();
    if (found !== undefined && lost === undefined) {
      losses++;
      log(`millrace: ${found}: nothing is acknowledged until it answers`);
    }
    if (found === undefined && lost !== undefined) log(`millrace: ${name} answers again`);
    lost = found;
  };
  const lookOnce = () =>
    (looking ??= look().finally(() => {
      looking = undefined;
    }));
  const timer = setInterval(() => void lookOnce(), intervalMs).unref();
  const trouble = () => {
    if (performance.now() - lookedMs > freshMs) void lookOnce();
    return isLeaving ? "this instance stops" : lost;
  };
  return {
    trouble,
    async handler() {
      if (performance.now() - lookedMs > freshMs) await lookOnce();
      const reason = trouble();
      const answer: ClusterAnswer = {
        ...(reason !== undefined && { trouble: reason }),
        isBucketThere: lost === undefined,
        losses,
      };
      return { status: 200, body: JSON.stringify(answer) };
    },
    leave() {
      isLeaving = true;
    },
    stop: () => clearInterval(timer),
  };
}
