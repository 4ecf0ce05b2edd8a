// The resource policy of a stream: who else may use it.
import { useState } from "preact/hooks";
import { ApiError } from "../api/request.ts";
import { call } from "../api/kinesis.ts";
import { usePoll } from "../app/poll.ts";
import { Failure, Field, WorkForm } from "../ui/parts.tsx";

export function PolicyCard({ arn }: { arn: string }) {
  const { value, error, refresh } = usePoll(`${arn}/policy`, () => readPolicy(arn), 10_000);
  const [edited, setEdited] = useState<string>();
  const text = edited ?? value ?? "";
  const save = async () => {
    if (text.trim() === "") await call("DeleteResourcePolicy", { ResourceARN: arn });
    else await call("PutResourcePolicy", { ResourceARN: arn, Policy: text });
    setEdited(undefined);
    refresh();
  };
  return (
    <section class="card wide">
      <h2>Resource policy</h2>
      <Failure error={error} />
      <WorkForm submit="Save" disabled={edited === undefined || edited === value} work={save}>
        <Field label="JSON" hint="Lets other accounts use the stream. Empty: none.">
          <textarea
            name="policy"
            rows={6}
            class="mono"
            spellcheck={false}
            value={text}
            onInput={(event) => setEdited(event.currentTarget.value)}
          />
        </Field>
      </WorkForm>
    </section>
  );
}

/** Empty if there is none. */
async function readPolicy(arn: string): Promise<string> {
  try {
    const { Policy } = await call<{ Policy: string }>("GetResourcePolicy", { ResourceARN: arn });
    return Policy === "{}" ? "" : prettyJson(Policy);
  } catch (error) {
    if (error instanceof ApiError && error.name === "ResourceNotFoundException") return "";
    throw error;
  }
}

function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
