// Makes a stream.
import { useState } from "preact/hooks";
import { call } from "../api/kinesis.ts";
import { go, streamPath } from "../app/route.ts";
import { Dialog, Field, WorkForm } from "../ui/parts.tsx";

export function CreateStream({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [shards, setShards] = useState("1");
  const [isOnDemand, setOnDemand] = useState(false);
  const create = async () => {
    const mode = isOnDemand
      ? { StreamModeDetails: { StreamMode: "ON_DEMAND" } }
      : { ShardCount: Number(shards) };
    await call("CreateStream", { StreamName: name, ...mode });
    close();
    go(streamPath(name));
  };
  return (
    <Dialog title="Create a stream" close={close}>
      <WorkForm submit="Create" cancel={close} work={create}>
        <Field label="Name" hint="Letters, digits, - _ and . ; at most 128">
          <input
            name="name"
            required
            maxLength={128}
            pattern="[a-zA-Z0-9_.\-]+"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
        <Field label="Mode">
          <select
            value={isOnDemand ? "demand" : "count"}
            onChange={(event) => setOnDemand(event.currentTarget.value === "demand")}
          >
            <option value="count">a number of shards</option>
            <option value="demand">on demand</option>
          </select>
        </Field>
        {!isOnDemand && (
          <Field
            label="Shards"
            hint="More shards take more records a second; this can be changed later."
          >
            <input
              name="shards"
              type="number"
              min={1}
              max={10000}
              required
              value={shards}
              onInput={(event) => setShards(event.currentTarget.value)}
            />
          </Field>
        )}
      </WorkForm>
    </Dialog>
  );
}
