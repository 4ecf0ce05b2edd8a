// What each member of kinesalite's 17 operations is, and what kinesalite 3.3.3 answers when it is
// something else: recorded from the running program, one request per member and value.

export type WireType = "String" | "Integer" | "Blob" | "Timestamp" | "List" | "Map" | "Structure";

/** Paths into the input; `0` is the first item of a list, `a` an entry of a map. */
export const memberTypes: Record<string, Record<string, WireType>> = {
  AddTagsToStream: { Tags: "Map", "Tags.a": "String", StreamName: "String" },
  CreateStream: { ShardCount: "Integer", StreamName: "String" },
  DecreaseStreamRetentionPeriod: { RetentionPeriodHours: "Integer", StreamName: "String" },
  DeleteStream: { StreamName: "String" },
  DescribeStream: { Limit: "Integer", ExclusiveStartShardId: "String", StreamName: "String" },
  DescribeStreamSummary: { StreamName: "String" },
  GetRecords: { Limit: "Integer", ShardIterator: "String" },
  GetShardIterator: {
    ShardId: "String",
    ShardIteratorType: "String",
    StartingSequenceNumber: "String",
    StreamName: "String",
    Timestamp: "Timestamp",
  },
  IncreaseStreamRetentionPeriod: { RetentionPeriodHours: "Integer", StreamName: "String" },
  ListShards: {
    ExclusiveStartShardId: "String",
    MaxResults: "Integer",
    NextToken: "String",
    StreamCreationTimestamp: "Timestamp",
    StreamName: "String",
  },
  ListStreams: { Limit: "Integer", ExclusiveStartStreamName: "String" },
  ListTagsForStream: { Limit: "Integer", ExclusiveStartTagKey: "String", StreamName: "String" },
  MergeShards: { ShardToMerge: "String", AdjacentShardToMerge: "String", StreamName: "String" },
  PutRecord: {
    SequenceNumberForOrdering: "String",
    PartitionKey: "String",
    ExplicitHashKey: "String",
    Data: "Blob",
    StreamName: "String",
  },
  PutRecords: {
    Records: "List",
    "Records.0": "Structure",
    "Records.0.PartitionKey": "String",
    "Records.0.ExplicitHashKey": "String",
    "Records.0.Data": "Blob",
    StreamName: "String",
  },
  RemoveTagsFromStream: { TagKeys: "List", "TagKeys.0": "String", StreamName: "String" },
  SplitShard: { NewStartingHashKey: "String", StreamName: "String", ShardToSplit: "String" },
};

/** By type: the JSON of a wrong value, and the message. */
export const typeMessages: Record<WireType, readonly (readonly [string, string])[]> = {
  Map: [
    ["23", "Expected map or null"],
    ["2147483648", "Expected map or null"],
    ['"23"', "Expected map or null"],
    ["true", "Expected map or null"],
    ["-2147483648", "Expected map or null"],
    ["34.56", "Expected map or null"],
    ["[]", "Start of list found where not expected"],
  ],
  String: [
    [
      "23",
      "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
    ],
    [
      "2147483648",
      "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
    ],
    ["true", "class java.lang.Boolean can not be converted to an String"],
    [
      "-2147483648",
      "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
    ],
    [
      "34.56",
      "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
    ],
    ["[]", "Start of list found where not expected"],
    ["{}", "Start of structure or map found where not expected."],
  ],
  Integer: [
    ['"23"', "class java.lang.String can not be converted to an Integer"],
    ["true", "class java.lang.Boolean can not be converted to an Integer"],
    ["[]", "Start of list found where not expected"],
    ["{}", "Start of structure or map found where not expected."],
  ],
  Timestamp: [
    ['"23"', "class java.lang.String can not be converted to milliseconds since epoch"],
    [
      '"2026-01-01T00:00:00Z"',
      "class java.lang.String can not be converted to milliseconds since epoch",
    ],
    ["true", "class java.lang.Boolean can not be converted to milliseconds since epoch"],
    ["[]", "Start of list found where not expected"],
    ["{}", "Start of structure or map found where not expected."],
  ],
  Blob: [
    [
      "23",
      "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to a Blob",
    ],
    [
      "2147483648",
      "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to a Blob",
    ],
    ["true", "class java.lang.Boolean can not be converted to a Blob"],
    [
      "-2147483648",
      "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to a Blob",
    ],
    [
      "34.56",
      "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to a Blob",
    ],
    ["[]", "Start of list found where not expected"],
    ["{}", "Start of structure or map found where not expected."],
    [
      '"23456"',
      "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5",
    ],
    ['"=+/="', "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"],
    [
      '"+/+="',
      "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
    ],
    [
      '"A==="',
      "'A===' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
    ],
    [
      '"===="',
      "'====' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
    ],
    [
      '"AAAA===="',
      "'AAAA====' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
    ],
    ['"AA==AAAA"', "'AA==AAAA' can not be converted to a Blob: Invalid Base64 character: '='"],
    ['"AA A"', "'AA A' can not be converted to a Blob: Invalid Base64 character: ' '"],
    ['"    "', "'    ' can not be converted to a Blob: Invalid Base64 character: ' '"],
    ['"AA\\n="', "'AA\n=' can not be converted to a Blob: Invalid Base64 character: '\n'"],
    ['"AB-_"', "'AB-_' can not be converted to a Blob: Invalid Base64 character: '-'"],
    ['"A=AA"', "'A=AA' can not be converted to a Blob: Invalid Base64 character: '='"],
    [
      '"AB=="',
      "'AB==' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
    ],
    [
      '"ABC="',
      "'ABC=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
    ],
    ['"aéaa"', "'aéaa' can not be converted to a Blob: Invalid Base64 character: 'é'"],
    ['"a💩a"', "'a💩a' can not be converted to a Blob: Invalid Base64 character: '\ud83d'"],
  ],
  List: [
    ["23", "Expected list or null"],
    ["2147483648", "Expected list or null"],
    ['"23"', "Expected list or null"],
    ["true", "Expected list or null"],
    ["-2147483648", "Expected list or null"],
    ["34.56", "Expected list or null"],
    ["{}", "Start of structure or map found where not expected."],
  ],
  Structure: [
    ["23", "Expected null"],
    ["2147483648", "Expected null"],
    ['"23"', "Expected null"],
    ["true", "Expected null"],
    ["-2147483648", "Expected null"],
    ["34.56", "Expected null"],
    ["[]", "Start of list found where not expected"],
  ],
};
