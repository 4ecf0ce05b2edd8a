// Asks for access keys. They stay in the tab's session.
import { useState } from "preact/hooks";
import { anonymous, credentials, signIn } from "../api/session.ts";
import { call } from "../api/kinesis.ts";
import { TextField, WorkForm } from "../ui/parts.tsx";

export function SignIn(props: { wasRefused: boolean; close: (() => void) | undefined }) {
  const before = credentials.value;
  const [accessKeyId, setKey] = useState("");
  const [secretAccessKey, setSecret] = useState("");
  const [region, setRegion] = useState(before.region);
  const enter = async () => {
    signIn({ accessKeyId: accessKeyId.trim(), secretAccessKey: secretAccessKey.trim(), region });
    try {
      // Everyone may ask for limits or be refused by name; wrong keys are refused as keys.
      await call("DescribeLimits", {});
    } catch (error) {
      if ((error as Error).name !== "AccessDeniedException") throw error;
    }
  };
  return (
    <section class="card narrow">
      <h1>Access keys</h1>
      <p class="muted">
        {props.wasRefused && before === anonymous
          ? "This server has access keys. Requests are signed in this browser; the keys are kept in this tab and are forgotten with it."
          : props.wasRefused
            ? "The server refused these keys. Enter others."
            : "An open server accepts any keys. A key id of twelve digits selects that account."}
      </p>
      <WorkForm submit="Sign in" cancel={props.close} work={enter}>
        <TextField
          label="Access key id"
          name="accessKeyId"
          required
          autocomplete="username"
          value={accessKeyId}
          set={setKey}
        />
        <TextField
          label="Secret access key"
          name="secretAccessKey"
          type="password"
          required
          autocomplete="current-password"
          value={secretAccessKey}
          set={setSecret}
        />
        <TextField label="Region" name="region" required value={region} set={setRegion} />
      </WorkForm>
    </section>
  );
}
