// What to do when there is nothing yet.
import { Copy } from "../ui/parts.tsx";

export function FirstSteps({ create }: { create: () => void }) {
  const commands = [
    "export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1",
    `export AWS_ENDPOINT_URL_KINESIS=${location.origin}`,
    "aws kinesis create-stream --stream-name rides --shard-count 1",
    "aws kinesis put-record --stream-name rides --partition-key berlin --data aGVsbG8=",
  ].join("\n");
  return (
    <section class="card">
      <h2>No streams yet</h2>
      <p>
        A stream keeps records in order, for a day or as long as you want. Create the first one{" "}
        <button class="inline" onClick={create}>
          here
        </button>{" "}
        or with the AWS CLI:
      </p>
      <pre class="code" tabIndex={0}>
        <code>{commands}</code>
      </pre>
      <Copy text={commands} />
    </section>
  );
}
