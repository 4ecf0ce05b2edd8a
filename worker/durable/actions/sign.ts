// POST with `?sign=<seconds>`: makes an address by which anybody can read the stream for that time. An
// extension of the protocol, for browsers (signedUrl.ts).
import { utf8 } from "../../codec/bytes.ts";
import { signedUrlSecondsMax } from "../../limits.ts";
import { invalid } from "../errors.ts";
import { operation } from "../operation.ts";
import { body, noStore } from "../reply.ts";
import { accessParameter, sealGrant } from "../signedUrl.ts";
import { withKnown } from "../target.ts";

export const signParameter = "sign";

export const signAddress = operation({
  name: "SignAddress",
  action: "kinesis:GetRecords",
  run: async (call) => {
    const { backend, scope, caller, address, query } = call;
    const text = query.get(signParameter) ?? "";
    const seconds = Number(text);
    if (!/^\d{1,9}$/.test(text) || seconds < 1 || seconds > signedUrlSecondsMax) {
      throw invalid("INVALID_TIME", `sign must be 1 to ${signedUrlSecondsMax} seconds.`);
    }
    const nowMs = Date.now();
    const untilMs = nowMs + seconds * 1000;
    const { uid, shards } = await withKnown(call, async (stream) => {
      const [shard] = stream.shards;
      // For a stream that has expired no address is made.
      if (shard !== undefined) await backend.durable.look(shard.uid, false);
      return stream;
    });
    const { account } = scope;
    const { accessKeyId } = caller.principal;
    const grant = { account, stream: uid, accessKeyId, untilMs };
    const token = sealGrant(await backend.accounts.cursorKey(scope), scope, grant, nowMs);
    const url = new URL(address);
    const shard = query.get("shard");
    if (shard !== null && shards.length > 1) url.searchParams.set("shard", shard);
    url.searchParams.set(accessParameter, token);
    const reply = { url: url.href, expiresAt: new Date(untilMs).toISOString() };
    return await body(utf8(`${JSON.stringify(reply)}\n`), {
      "content-type": "application/json",
      ...noStore,
    });
  },
});
