// The name of the stream in each dialect, with the lines that read it.
import { useState } from "preact/hooks";
import type { Shard, StreamDescription } from "../api/kinesis.ts";
import { Copy } from "../ui/parts.tsx";
import { shardIndex } from "../shards/lineage.ts";

export function DialectNames(props: { stream: StreamDescription; shards: readonly Shard[] }) {
  const snippets = snippetsOf(props.stream, props.shards);
  const [chosen, setChosen] = useState(0);
  const shown = snippets[chosen] ?? snippets[0];
  return (
    <section class="card wide">
      <h2>Read it with</h2>
      <div class="tabs small" role="group" aria-label="dialect">
        {snippets.map(({ label }, i) => (
          <button key={label} aria-pressed={i === chosen} onClick={() => setChosen(i)}>
            {label}
          </button>
        ))}
      </div>
      {shown && (
        <>
          <p>
            <span>Its name there:</span> <code>{shown.name}</code>
          </p>
          <pre class="code" tabIndex={0}>
            <code>{shown.code}</code>
          </pre>
          <Copy text={shown.code} />
        </>
      )}
    </section>
  );
}

interface Snippet {
  label: string;
  name: string;
  code: string;
}

function snippetsOf(
  { StreamName: name, StreamARN }: StreamDescription,
  shards: readonly Shard[],
): Snippet[] {
  const shardId = shards[0]?.ShardId ?? "shardId-000000000000";
  const among = shards.length > 1 ? `shard=${shardIndex(shardId)}&` : "";
  const { origin } = location;
  const region = StreamARN.split(":")[3] ?? "us-east-1";
  return [
    {
      label: "Kinesis, AWS CLI",
      name,
      code: [
        `export AWS_ENDPOINT_URL_KINESIS=${origin} AWS_DEFAULT_REGION=${region}`,
        `iterator=$(aws kinesis get-shard-iterator --stream-name ${name} --shard-id ${shardId} \\`,
        "    --shard-iterator-type TRIM_HORIZON --query ShardIterator --output text)",
        'aws kinesis get-records --shard-iterator "$iterator"',
      ].join("\n"),
    },
    {
      label: "Kinesis, boto3",
      name,
      code: [
        "import boto3",
        `kinesis = boto3.client("kinesis", endpoint_url="${origin}", region_name="${region}")`,
        `iterator = kinesis.get_shard_iterator(StreamName="${name}", ShardId="${shardId}",`,
        '                                      ShardIteratorType="TRIM_HORIZON")["ShardIterator"]',
        'print(kinesis.get_records(ShardIterator=iterator)["Records"])',
      ].join("\n"),
    },
    {
      label: "v3io",
      name: `/bigdata/${name}/`,
      code: [
        "import v3io.dataplane",
        `client = v3io.dataplane.Client(endpoint="${origin}", access_key="local")`,
        `at = client.stream.seek("bigdata", "${name}", ${shardIndex(shardId)}, "EARLIEST")`,
        `print(client.stream.get_records("bigdata", "${name}", ${shardIndex(shardId)},`,
        "                                at.output.location).output.records)",
      ].join("\n"),
    },
    {
      label: "HTTP, curl",
      name: `/v1/stream/${name}`,
      code: [
        "# all records, then each new one as it comes",
        `curl -N '${origin}/v1/stream/${name}?${among}offset=-1&live=sse'`,
      ].join("\n"),
    },
    {
      label: "Yandex",
      name: `/Root/${name}`,
      code: [
        "import boto3",
        `streams = boto3.client("kinesis", endpoint_url="${origin}/Root", region_name="ru-central1")`,
        `iterator = streams.get_shard_iterator(StreamName="${name}",`,
        `    ShardId="shard-${String(shardIndex(shardId)).padStart(6, "0")}",`,
        '    ShardIteratorType="TRIM_HORIZON")["ShardIterator"]',
        'print(streams.get_records(ShardIterator=iterator)["Records"])',
      ].join("\n"),
    },
  ];
}
