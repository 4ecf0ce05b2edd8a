// DELETE. A stream that has forks is kept for them, and is hidden from everybody else.
import { bare } from "../reply.ts";
import { operation } from "../operation.ts";
import { refuseShard, withKnown } from "../target.ts";

export const removeStream = operation({
  name: "DeleteStream",
  action: "kinesis:DeleteStream",
  run: async (call) => {
    const {
      backend: { durable },
      scope,
      name,
      query,
    } = call;
    refuseShard(query);
    await withKnown(call, async ({ expires, shards: [shard] }) => {
      // An expired stream does not exist, even if it is still stored.
      if (expires && shard !== undefined) await durable.look(shard.uid, false);
      await durable.delete(scope, name);
    });
    return bare(204);
  },
});
