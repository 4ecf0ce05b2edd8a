// Deletes a stream with its records, after its name has been typed.
import { useState } from "preact/hooks";
import { call } from "../api/kinesis.ts";
import { Dialog, TextField, WorkForm } from "../ui/parts.tsx";

export function DeleteStream(props: { stream: string; close: () => void; deleted?: () => void }) {
  const { stream, close } = props;
  const [typed, setTyped] = useState("");
  const [hasConsumers, setConsumers] = useState(false);
  const remove = async () => {
    await call("DeleteStream", { StreamName: stream, EnforceConsumerDeletion: hasConsumers });
    close();
    props.deleted?.();
  };
  return (
    <Dialog title={`Delete ${stream}`} close={close}>
      <WorkForm submit="Delete" danger disabled={typed !== stream} cancel={close} work={remove}>
        <p>All records of the stream are deleted. This cannot be undone.</p>
        <TextField
          label={`Type ${stream} to confirm`}
          name="confirmation"
          autocomplete="off"
          value={typed}
          set={setTyped}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={hasConsumers}
            onChange={(event) => setConsumers(event.currentTarget.checked)}
          />
          Also if consumers are registered
        </label>
      </WorkForm>
    </Dialog>
  );
}
