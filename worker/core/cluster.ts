// What an instance of a cluster knows of itself: whether it reaches the bucket, and whether it stops. A
// binding of the local server answers (local/bucketWatch.ts); elsewhere there is none.
import type { Env } from "./bindings.ts";

export interface ClusterAnswer {
  /** Why it should get no requests now, in words. */
  trouble?: string;
  /** False while the bucket does not answer. */
  isBucketThere: boolean;
  /** How often the bucket stopped answering since the instance was started. */
  losses: number;
}

export async function askCluster(cluster: NonNullable<Env["CLUSTER"]>): Promise<ClusterAnswer> {
  const response = await cluster.fetch("http://cluster/");
  if (!response.ok) throw new Error(`status ${response.status}`);
  return await response.json<ClusterAnswer>();
}
