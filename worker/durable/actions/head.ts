// HEAD: what the stream is and where it ends. It does not prolong the life of a stream that can expire.
import type { DurableState } from "../../core/durable.ts";
import type { BriefStream } from "../../stream/knownStreams.ts";
import { gone } from "../errors.ts";
import { offsetText } from "../offset.ts";
import { operation } from "../operation.ts";
import { bare, contentHeaders, type Headers } from "../reply.ts";
import { describedNow, namesShard, openShardsHeader, shardOf, withKnown } from "../target.ts";

export const headStream = operation({
  name: "HeadStream",
  action: "kinesis:GetRecords",
  run: (call) =>
    withKnown(call, async (known) => {
      const stream = namesShard(call, known) ? known : await describedNow(call);
      const headers = { ...contentHeaders(stream.contentType), ...expiryHeaders(stream) };
      if (!namesShard(call, stream)) {
        return bare(200, { ...headers, ...openShardsHeader(stream.shards) });
      }
      const { uid } = shardOf(call, stream);
      const state = await call.backend.durable.look(uid, false);
      if (state.isDeleted) throw gone();
      return bare(200, { ...headers, ...endHeaders(uid, state) });
    }),
});

export function expiryHeaders({ durable }: BriefStream): Headers {
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
