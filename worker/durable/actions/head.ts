// HEAD: what the stream is and where it ends. It does not prolong the life of a stream that can expire.
import type { DurableState } from "../../core/durable.ts";
import type { BriefStream } from "../../stream/knownStreams.ts";
import { gone } from "../errors.ts";
import { offsetText } from "../offset.ts";
import { operation } from "../operation.ts";
import { bare, contentHeaders, type Headers } from "../reply.ts";
import {
  childrenHeader,
  childrenOf,
  describedNow,
  namesShard,
  openShardsHeader,
  shardOf,
  withKnown,
} from "../target.ts";

export const headStream = operation({
  name: "HeadStream",
  action: "kinesis:GetRecords",
  run: (call) =>
    withKnown(call, async (known) => {
      const stream = namesShard(call, known) ? known : await describedNow(call);
      if (!namesShard(call, stream)) return replyOfSeveral(stream);
      const shard = shardOf(call, stream);
      const state = await call.backend.durable.look(shard.uid, false);
      if (state.isDeleted) throw gone();
      // A split or merge has closed the shard, and this isolate may not know it yet.
      const now = state.isClosed && !state.isFinal ? await describedNow(call) : stream;
      if (!namesShard(call, now)) return replyOfSeveral(now);
      const children = childrenHeader(childrenOf(now, shard));
      return bare(200, { ...attributesOf(now), ...endHeaders(shard.uid, state), ...children });
    }),
});

function replyOfSeveral(stream: BriefStream): Response {
  return bare(200, { ...attributesOf(stream), ...openShardsHeader(stream.shards) });
}

function attributesOf(stream: BriefStream): Headers {
  return { ...contentHeaders(stream.contentType), ...expiryHeaders(stream) };
}

function expiryHeaders({ durable }: BriefStream): Headers {
  const { ttlSeconds, expiresAt } = durable ?? {};
  return {
    ...(ttlSeconds !== undefined && { "stream-ttl": String(ttlSeconds) }),
    ...(expiresAt !== undefined && { "stream-expires-at": expiresAt }),
  };
}

/** Where the stream ends, and whether it is closed. */
export function endHeaders(
  uid: string,
  { next, isClosed }: Pick<DurableState, "next" | "isClosed">,
): Headers {
  return {
    "stream-next-offset": offsetText(uid, next),
    ...(isClosed && { "stream-closed": "true" }),
  };
}
