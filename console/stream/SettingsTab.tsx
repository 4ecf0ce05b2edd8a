// Retention, mode, tags, resource policy, and the names of the stream in each dialect.
import { useState } from "preact/hooks";
import { call, listTags, type Shard, type StreamDescription } from "../api/kinesis.ts";
import type { Action } from "../api/permissions.ts";
import { usePoll } from "../app/poll.ts";
import { useAttempt } from "../ui/attempt.ts";
import { Failure, TextField, WorkForm } from "../ui/parts.tsx";
import { DialectNames } from "./DialectNames.tsx";
import { PolicyCard } from "./PolicyCard.tsx";

export interface SettingsProps {
  stream: StreamDescription;
  shards: readonly Shard[];
  may: (action: Action) => boolean;
  changed: () => void;
}

export function SettingsTab({ stream, shards, may, changed }: SettingsProps) {
  return (
    <div class="cards">
      <RetentionCard stream={stream} may={may} changed={changed} />
      {may("kinesis:UpdateStreamMode") && <ModeCard stream={stream} changed={changed} />}
      <TagsCard stream={stream} may={may} />
      {may("kinesis:PutResourcePolicy") && <PolicyCard arn={stream.StreamARN} />}
      <DialectNames stream={stream} shards={shards} />
    </div>
  );
}

function RetentionCard({ stream, may, changed }: Omit<SettingsProps, "shards">) {
  const [hours, setHours] = useState(String(stream.RetentionPeriodHours));
  const save = async () => {
    const isMore = Number(hours) >= stream.RetentionPeriodHours;
    await call(isMore ? "IncreaseStreamRetentionPeriod" : "DecreaseStreamRetentionPeriod", {
      StreamName: stream.StreamName,
      RetentionPeriodHours: Number(hours),
    });
    changed();
  };
  const isAllowed =
    may("kinesis:IncreaseStreamRetentionPeriod") || may("kinesis:DecreaseStreamRetentionPeriod");
  const isSame = Number(hours) === stream.RetentionPeriodHours;
  return (
    <section class="card">
      <h2>Retention</h2>
      <WorkForm submit="Save" disabled={isSame || !isAllowed} work={save}>
        <TextField
          label="Hours"
          hint="24 to 8760. A shorter time deletes the records that are older."
          name="hours"
          type="number"
          min={24}
          max={8760}
          required
          value={hours}
          set={setHours}
        />
      </WorkForm>
    </section>
  );
}

function ModeCard({ stream, changed }: Pick<SettingsProps, "stream" | "changed">) {
  const isOnDemand = stream.StreamModeDetails?.StreamMode === "ON_DEMAND";
  const change = async () => {
    await call("UpdateStreamMode", {
      StreamARN: stream.StreamARN,
      StreamModeDetails: { StreamMode: isOnDemand ? "PROVISIONED" : "ON_DEMAND" },
    });
    changed();
  };
  return (
    <section class="card">
      <h2>Mode</h2>
      <WorkForm submit={isOnDemand ? "Make it provisioned" : "Make it on demand"} work={change}>
        <p>{isOnDemand ? "On demand" : "Provisioned: a fixed number of shards"}</p>
      </WorkForm>
    </section>
  );
}

function TagsCard({ stream, may }: Pick<SettingsProps, "stream" | "may">) {
  const { StreamName } = stream;
  const { value, error, refresh } = usePoll(`${StreamName}/tags`, () => listTags(StreamName), 5000);
  const [key, setKey] = useState("");
  const [text, setText] = useState("");
  const { failure, attempt } = useAttempt();
  const add = async () => {
    await call("AddTagsToStream", { StreamName, Tags: { [key]: text } });
    setKey("");
    setText("");
    refresh();
  };
  const remove = async (tag: string) => {
    await attempt(() => call("RemoveTagsFromStream", { StreamName, TagKeys: [tag] }));
    refresh();
  };
  return (
    <section class="card">
      <h2>Tags</h2>
      <Failure error={error ?? failure} />
      <ul class="tags">
        {value?.map(({ Key, Value }) => (
          <li key={Key}>
            <b>{Key}</b> {Value}
            {may("kinesis:RemoveTagsFromStream") && (
              <button
                class="quiet"
                aria-label={`remove tag ${Key}`}
                onClick={() => void remove(Key)}
              >
                ×
              </button>
            )}
          </li>
        ))}
      </ul>
      {value?.length === 0 && <p class="muted">None.</p>}
      {may("kinesis:AddTagsToStream") && (
        <WorkForm submit="Add" disabled={key === ""} work={add}>
          <div class="pair">
            <TextField label="Key" name="tagKey" maxLength={128} value={key} set={setKey} />
            <TextField label="Value" name="tagValue" maxLength={256} value={text} set={setText} />
          </div>
        </WorkForm>
      )}
    </section>
  );
}
