// Makes a stream.
import { useState } from "preact/hooks";
import { call } from "../api/kinesis.ts";
import { go, streamPath } from "../app/route.ts";
import { Dialog, Field, TextField, WorkForm } from "../ui/parts.tsx";

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
        <TextField
          label="Name"
          hint="Letters, digits, - _ and . ; at most 128"
          name="name"
          required
          maxLength={128}
          pattern="[a-zA-Z0-9_.\-]+"
          value={name}
          set={setName}
        />
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
          <TextField
            label="Shards"
            hint="More shards take more records a second; this can be changed later."
            name="shards"
            type="number"
            min={1}
            max={10000}
            required
            value={shards}
            set={setShards}
          />
        )}
      </WorkForm>
    </Dialog>
  );
}
