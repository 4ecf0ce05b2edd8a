// What kinesalite 3.3.3 answers to inputs that break constraints, recorded from the running
// program: operation, input, and the violations in the order in which they are joined. `{a*129}`
// stands for 129 times that letter. Left out are the bounds that the service has changed since;
// those are in constraints.workerd.test.ts.

export type ConstraintRow = readonly [
  operation: string,
  input: object,
  violations: readonly string[],
];

export const constraintRows: readonly ConstraintRow[] = [
  [
    "AddTagsToStream",
    {},
    [
      "Value null at 'tags' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "AddTagsToStream",
    { StreamName: "", Tags: {} },
    [
      "Value '{}' at 'tags' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "AddTagsToStream",
    { StreamName: "{a*129}", Tags: { "a;b": "b" } },
    [
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "AddTagsToStream",
    { StreamName: "s", Tags: { a: "1", b: "2", "{a*129}": "3" } },
    [
      "Value '{a=1, b=2, {a*129}=3}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
    ],
  ],
  [
    "AddTagsToStream",
    { StreamName: "s", Tags: { a: "1", b: "2", c: "{a*257}" } },
    [
      "Value '{a=1, b=2, c={a*257}}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 0]",
    ],
  ],
  [
    "AddTagsToStream",
    { StreamName: "s", Tags: { "": "{a*257}" } },
    [
      "Value '{={a*257}}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
      "Value '{={a*257}}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 0]",
    ],
  ],
  [
    "AddTagsToStream",
    { StreamName: "s s", Tags: null },
    [
      "Value null at 'tags' failed to satisfy constraint: Member must not be null",
      "Value 's s' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    ],
  ],
  [
    "CreateStream",
    { ShardCount: 0, StreamName: "" },
    [
      "Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "CreateStream",
    { ShardCount: -1, StreamName: "{a*129}" },
    [
      "Value '-1' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "CreateStream",
    { ShardCount: 100001, StreamName: "a/b" },
    [
      "Value '100001' at 'shardCount' failed to satisfy constraint: Member must have value less than or equal to 100000",
      "Value 'a/b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    ],
  ],
  [
    "CreateStream",
    { ShardCount: 10000000000, StreamName: "é" },
    [
      "Value '2147483647' at 'shardCount' failed to satisfy constraint: Member must have value less than or equal to 100000",
      "Value 'é' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    ],
  ],
  [
    "CreateStream",
    { ShardCount: 0.9, StreamName: "a\n" },
    [
      "Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value 'a\n' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    ],
  ],
  [
    "DecreaseStreamRetentionPeriod",
    {},
    [
      "Value null at 'retentionPeriodHours' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "DecreaseStreamRetentionPeriod",
    { RetentionPeriodHours: -1, StreamName: "" },
    [
      "Value '-1' at 'retentionPeriodHours' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "DecreaseStreamRetentionPeriod",
    { RetentionPeriodHours: 24, StreamName: "{a*129}" },
    [
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "DecreaseStreamRetentionPeriod",
    { RetentionPeriodHours: -1.5, StreamName: "s" },
    [
      "Value '-2' at 'retentionPeriodHours' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
  ],
  [
    "DeleteStream",
    {},
    ["Value null at 'streamName' failed to satisfy constraint: Member must not be null"],
  ],
  [
    "DeleteStream",
    { StreamName: "" },
    [
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "DeleteStream",
    { StreamName: "{a*129}" },
    [
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "DeleteStream",
    { StreamName: "{**129}" },
    [
      "Value '{**129}' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '{**129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "DescribeStream",
    {},
    ["Value null at 'streamName' failed to satisfy constraint: Member must not be null"],
  ],
  [
    "DescribeStream",
    { Limit: 0, ExclusiveStartShardId: "", StreamName: "" },
    [
      "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '' at 'exclusiveStartShardId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'exclusiveStartShardId' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "DescribeStream",
    { Limit: 10001, ExclusiveStartShardId: "{a*129}", StreamName: "{a*129}" },
    [
      "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
      "Value '{a*129}' at 'exclusiveStartShardId' failed to satisfy constraint: Member must have length less than or equal to 128",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "DescribeStreamSummary",
    {},
    ["Value null at 'streamName' failed to satisfy constraint: Member must not be null"],
  ],
  [
    "DescribeStreamSummary",
    { StreamName: "" },
    [
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "DescribeStreamSummary",
    { StreamName: "{a*129}" },
    [
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "GetRecords",
    {},
    ["Value null at 'shardIterator' failed to satisfy constraint: Member must not be null"],
  ],
  [
    "GetRecords",
    { Limit: 0, ShardIterator: "" },
    [
      "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '' at 'shardIterator' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "GetRecords",
    { Limit: 100000, ShardIterator: "{a*513}" },
    [
      "Value '100000' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
      "Value '{a*513}' at 'shardIterator' failed to satisfy constraint: Member must have length less than or equal to 512",
    ],
  ],
  [
    "GetRecords",
    { Limit: 10001, ShardIterator: null },
    [
      "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
      "Value null at 'shardIterator' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "GetShardIterator",
    {},
    [
      "Value null at 'shardId' failed to satisfy constraint: Member must not be null",
      "Value null at 'shardIteratorType' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "GetShardIterator",
    { ShardId: "", ShardIteratorType: "", StartingSequenceNumber: "", StreamName: "" },
    [
      "Value '' at 'shardId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'shardId' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
      "Value '' at 'startingSequenceNumber' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128})",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "GetShardIterator",
    { ShardId: "{a*129}", ShardIteratorType: "LATEST", StreamName: "{a*129}" },
    [
      "Value '{a*129}' at 'shardId' failed to satisfy constraint: Member must have length less than or equal to 128",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "GetShardIterator",
    { ShardId: "a b", ShardIteratorType: "latest", StartingSequenceNumber: "x", StreamName: "s" },
    [
      "Value 'a b' at 'shardId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value 'latest' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
      "Value 'x' at 'startingSequenceNumber' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128})",
    ],
  ],
  [
    "IncreaseStreamRetentionPeriod",
    {},
    [
      "Value null at 'retentionPeriodHours' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "IncreaseStreamRetentionPeriod",
    { RetentionPeriodHours: -1, StreamName: "" },
    [
      "Value '-1' at 'retentionPeriodHours' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "IncreaseStreamRetentionPeriod",
    { RetentionPeriodHours: 0, StreamName: "{a*129}" },
    [
      "Value '0' at 'retentionPeriodHours' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "ListShards",
    { StreamName: "", NextToken: "", MaxResults: 0, ExclusiveStartShardId: "" },
    [
      "Value '' at 'exclusiveStartShardId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'exclusiveStartShardId' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '' at 'nextToken' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "ListShards",
    { StreamName: "{a*129}", MaxResults: 100000, ExclusiveStartShardId: "{a*129}" },
    [
      "Value '{a*129}' at 'exclusiveStartShardId' failed to satisfy constraint: Member must have length less than or equal to 128",
      "Value '100000' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 10000",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "ListStreams",
    { Limit: 0, ExclusiveStartStreamName: "" },
    [
      "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '' at 'exclusiveStartStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'exclusiveStartStreamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "ListStreams",
    { Limit: 10001, ExclusiveStartStreamName: "{a*129}" },
    [
      "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
      "Value '{a*129}' at 'exclusiveStartStreamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "ListTagsForStream",
    {},
    ["Value null at 'streamName' failed to satisfy constraint: Member must not be null"],
  ],
  [
    "ListTagsForStream",
    { Limit: 0, ExclusiveStartTagKey: "", StreamName: "" },
    [
      "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value '' at 'exclusiveStartTagKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "ListTagsForStream",
    { ExclusiveStartTagKey: "{a*129}", StreamName: "{a*129}" },
    [
      "Value '{a*129}' at 'exclusiveStartTagKey' failed to satisfy constraint: Member must have length less than or equal to 128",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "MergeShards",
    {},
    [
      "Value null at 'shardToMerge' failed to satisfy constraint: Member must not be null",
      "Value null at 'adjacentShardToMerge' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "MergeShards",
    { ShardToMerge: "", AdjacentShardToMerge: "", StreamName: "" },
    [
      "Value '' at 'shardToMerge' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'shardToMerge' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'adjacentShardToMerge' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'adjacentShardToMerge' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "MergeShards",
    { ShardToMerge: "{a*129}", AdjacentShardToMerge: "{a*129}", StreamName: "{a*129}" },
    [
      "Value '{a*129}' at 'shardToMerge' failed to satisfy constraint: Member must have length less than or equal to 128",
      "Value '{a*129}' at 'adjacentShardToMerge' failed to satisfy constraint: Member must have length less than or equal to 128",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "PutRecord",
    {},
    [
      "Value null at 'partitionKey' failed to satisfy constraint: Member must not be null",
      "Value null at 'data' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "PutRecord",
    {
      SequenceNumberForOrdering: "",
      PartitionKey: "",
      ExplicitHashKey: "",
      Data: "",
      StreamName: "",
    },
    [
      "Value '' at 'sequenceNumberForOrdering' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128})",
      "Value '' at 'partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "PutRecord",
    { PartitionKey: "{a*257}", ExplicitHashKey: "", Data: "", StreamName: "{a*129}" },
    [
      "Value '{a*257}' at 'partitionKey' failed to satisfy constraint: Member must have length less than or equal to 256",
      "Value '' at 'explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "PutRecord",
    { PartitionKey: "k", Data: null, StreamName: "s" },
    ["Value null at 'data' failed to satisfy constraint: Member must not be null"],
  ],
  [
    "PutRecord",
    { Data: "", StreamName: "s" },
    ["Value null at 'partitionKey' failed to satisfy constraint: Member must not be null"],
  ],
  [
    "PutRecords",
    {},
    [
      "Value null at 'records' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "PutRecords",
    { Records: [], StreamName: "" },
    [
      "Value '[]' at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "PutRecords",
    { Records: [{}], StreamName: "s" },
    [
      "Value null at 'records.1.member.partitionKey' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.1.member.data' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "PutRecords",
    { Records: [{ PartitionKey: "", Data: "", ExplicitHashKey: "" }], StreamName: "" },
    [
      "Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.1.member.explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "PutRecords",
    {
      Records: [
        { PartitionKey: "k", Data: "" },
        { PartitionKey: "{a*257}", Data: "", ExplicitHashKey: "" },
      ],
      StreamName: "{a*129}",
    },
    [
      "Value '{a*257}' at 'records.2.member.partitionKey' failed to satisfy constraint: Member must have length less than or equal to 256",
      "Value '' at 'records.2.member.explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "PutRecords",
    {
      Records: [{ PartitionKey: "k", Data: "" }, { Data: "" }, { PartitionKey: "k", Data: "" }],
      StreamName: "s",
    },
    [
      "Value null at 'records.2.member.partitionKey' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "PutRecords",
    { Records: [{}, {}, {}, {}, {}], StreamName: "" },
    [
      "Value null at 'records.1.member.partitionKey' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.1.member.data' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.2.member.partitionKey' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.2.member.data' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.3.member.partitionKey' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.3.member.data' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.4.member.partitionKey' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.4.member.data' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.5.member.partitionKey' failed to satisfy constraint: Member must not be null",
      "Value null at 'records.5.member.data' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "PutRecords",
    {
      Records: [
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
        { PartitionKey: "", Data: "" },
      ],
      StreamName: "",
    },
    [
      "Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.2.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.3.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.4.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.5.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.6.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.7.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.8.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.9.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'records.10.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "RemoveTagsFromStream",
    {},
    [
      "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "RemoveTagsFromStream",
    { TagKeys: [], StreamName: "" },
    [
      "Value '[]' at 'tagKeys' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
  [
    "RemoveTagsFromStream",
    { TagKeys: ["a"], StreamName: "{a*129}" },
    [
      "Value '{a*129}' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
  ],
  [
    "RemoveTagsFromStream",
    { TagKeys: ["a", "{a*129}", "b"], StreamName: "s" },
    [
      "Value '[a, {a*129}, b]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
    ],
  ],
  [
    "RemoveTagsFromStream",
    { TagKeys: ["a", ""], StreamName: "s" },
    [
      "Value '[a, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
    ],
  ],
  [
    "SplitShard",
    {},
    [
      "Value null at 'newStartingHashKey' failed to satisfy constraint: Member must not be null",
      "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
      "Value null at 'shardToSplit' failed to satisfy constraint: Member must not be null",
    ],
  ],
  [
    "SplitShard",
    { NewStartingHashKey: "", StreamName: "", ShardToSplit: "" },
    [
      "Value '' at 'newStartingHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
      "Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1",
      "Value '' at 'shardToSplit' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
      "Value '' at 'shardToSplit' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
  ],
];
