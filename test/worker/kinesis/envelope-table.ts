// What kinesalite 3.3.3 answers before it looks at any operation, recorded from the running program:
// requests from nothing to a complete one, in the order of its decisions.

export interface RecordedRequest {
  /** POST unless said. */
  readonly method?: string;
  /** Content type: json, cbor, legacy, or the text itself. */
  readonly type?: string;
  /** X-Amz-Target, where `~` is Kinesis_20131202. */
  readonly target?: string;
  readonly headers?: Record<string, string>;
  readonly query?: string;
  /** Text, or `hex …` for CBOR. */
  readonly body?: string;
}

export type RecordedAnswer = readonly [
  status: number,
  type: "json" | "cbor" | "legacy" | "none",
  body: string,
];

export type EnvelopeRow = readonly [string, RecordedRequest, RecordedAnswer | "call"];

const accessDenied: RecordedAnswer = [
  403,
  "none",
  "<AccessDeniedException>\n" +
    "  <Message>Unable to determine service/operation name to be authorized</Message>\n" +
    "</AccessDeniedException>\n",
];

export const envelopeRows: readonly EnvelopeRow[] = [
  ["OPTIONS without origin", { method: "OPTIONS" }, accessDenied],
  ["GET", { method: "GET" }, accessDenied],
  ["PUT", { method: "PUT" }, accessDenied],
  ["DELETE", { method: "DELETE" }, accessDenied],
  ["HEAD", { method: "HEAD" }, accessDenied],
  [
    "GET with everything else right",
    { method: "GET", type: "json", target: "~.ListStreams" },
    accessDenied,
  ],
  [
    "POST of nothing at all",
    {},
    [400, "cbor", "hex a1665f5f747970657819556e6b6e6f776e4f7065726174696f6e457863657074696f6e"],
  ],
  [
    "no body, JSON, no target",
    { type: "json" },
    [400, "json", '{"__type":"UnknownOperationException"}'],
  ],
  [
    "no body, JSON, a target",
    { type: "json", target: "~.ListStreams" },
    [400, "json", '{"__type":"SerializationException"}'],
  ],
  [
    "no body, JSON with parameters",
    { type: " application/x-amz-json-1.1 ; charset=utf-8", target: "~.ListStreams" },
    [400, "json", '{"__type":"SerializationException"}'],
  ],
  [
    "no body, JSON, unknown operation",
    { type: "json", target: "~.ListStream" },
    [400, "json", '{"__type":"UnknownOperationException"}'],
  ],
  [
    "no body, JSON, other service",
    { type: "json", target: "Kinesis_20131201.ListStreams" },
    [400, "json", '{"__type":"UnknownOperationException"}'],
  ],
  [
    "no body, CBOR, a target",
    { type: "cbor", target: "~.ListStreams" },
    [400, "cbor", "hex a1665f5f747970657653657269616c697a6174696f6e457863657074696f6e"],
  ],
  [
    "no body, legacy JSON, a target",
    { type: "legacy", target: "~.ListStreams" },
    [400, "cbor", "hex a1665f5f747970657653657269616c697a6174696f6e457863657074696f6e"],
  ],
  [
    "no body, no content type, a target",
    { target: "~.ListStreams" },
    [400, "cbor", "hex a1665f5f747970657653657269616c697a6174696f6e457863657074696f6e"],
  ],
  ["body, no content type, no target", { body: "{}" }, accessDenied],
  [
    "body, no content type, a target",
    { target: "~.ListStreams", body: "{}" },
    [404, "none", "<UnknownOperationException/>\n"],
  ],
  ["body, JSON 1.0, no target", { type: "application/x-amz-json-1.0", body: "{}" }, accessDenied],
  [
    "body, JSON 1.0, a target",
    { type: "application/x-amz-json-1.0", target: "~.ListStreams", body: "{}" },
    [404, "none", "<UnknownOperationException/>\n"],
  ],
  [
    "body, JSON in capitals, a target",
    { type: "Application/X-Amz-Json-1.1", target: "~.ListStreams", body: "not json" },
    [400, "json", '{"__type":"SerializationException"}'],
  ],
  [
    "body, no content type, a service alone",
    { target: "Kinesis_20131202", body: "{}" },
    accessDenied,
  ],
  [
    "body, no content type, an operation alone",
    { target: ".ListStreams", body: "{}" },
    accessDenied,
  ],
  [
    "body, no content type, unknown everything",
    { target: "a.b", body: "{}" },
    [404, "none", "<UnknownOperationException/>\n"],
  ],
  [
    "garbage, JSON, a target",
    { type: "json", target: "~.ListStreams", body: "hello" },
    [400, "json", '{"__type":"SerializationException"}'],
  ],
  [
    "true, JSON, a target",
    { type: "json", target: "~.ListStreams", body: "true" },
    [400, "json", '{"__type":"SerializationException"}'],
  ],
  [
    "null, JSON, a target",
    { type: "json", target: "~.ListStreams", body: "null" },
    [400, "json", '{"__type":"SerializationException"}'],
  ],
  [
    "text, JSON, a target",
    { type: "json", target: "~.ListStreams", body: '"a"' },
    [400, "json", '{"__type":"SerializationException"}'],
  ],
  [
    "garbage, JSON, no target",
    { type: "json", body: "hello" },
    [400, "json", '{"__type":"SerializationException"}'],
  ],
  [
    "garbage, CBOR, a target",
    { type: "cbor", target: "~.ListStreams", body: "hex ff" },
    [400, "cbor", "hex a1665f5f747970657653657269616c697a6174696f6e457863657074696f6e"],
  ],
  [
    "true, CBOR, a target",
    { type: "cbor", target: "~.ListStreams", body: "hex f5" },
    [400, "cbor", "hex a1665f5f747970657653657269616c697a6174696f6e457863657074696f6e"],
  ],
  [
    "garbage, legacy JSON",
    { type: "legacy", target: "~.ListStreams", body: "hello" },
    [
      400,
      "legacy",
      '{"Output":{"__type":"com.amazon.coral.service#SerializationException"},"Version":"1.0"}',
    ],
  ],
  [
    "null, legacy JSON",
    { type: "legacy", target: "~.ListStreams", body: "null" },
    [
      400,
      "legacy",
      '{"Output":{"__type":"com.amazon.coral.service#SerializationException"},"Version":"1.0"}',
    ],
  ],
  [
    "object, legacy JSON",
    { type: "legacy", target: "~.ListStreams", body: "{}" },
    [
      404,
      "legacy",
      '{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}',
    ],
  ],
  [
    "object, legacy JSON, no target",
    { type: "legacy", body: "{}" },
    [
      404,
      "legacy",
      '{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}',
    ],
  ],
  [
    "object, JSON, no target",
    { type: "json", body: "{}" },
    [400, "json", '{"__type":"UnknownOperationException"}'],
  ],
  [
    "object, JSON, a service alone",
    { type: "json", target: "Kinesis_20131202", body: "{}" },
    [400, "json", '{"__type":"UnknownOperationException"}'],
  ],
  [
    "object, JSON, unknown operation",
    { type: "json", target: "~.ListStream", body: "{}" },
    [400, "json", '{"__type":"UnknownOperationException"}'],
  ],
  [
    "object, JSON, a name every object has",
    { type: "json", target: "~.constructor", body: "{}" },
    [400, "json", '{"__type":"UnknownOperationException"}'],
  ],
  [
    "object, JSON, other service",
    { type: "json", target: "DynamoDB_20120810.ListTables", body: "{}" },
    [400, "json", '{"__type":"UnknownOperationException"}'],
  ],
  [
    "object, CBOR, unknown operation",
    { type: "cbor", target: "~.ListStream", body: "hex a0" },
    [400, "cbor", "hex a1665f5f747970657819556e6b6e6f776e4f7065726174696f6e457863657074696f6e"],
  ],
  [
    "no authorization",
    { type: "json", target: "~.ListStreams", body: "{}" },
    [
      400,
      "json",
      '{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}',
    ],
  ],
  [
    "no authorization, CBOR",
    { type: "cbor", target: "~.ListStreams", body: "hex a0" },
    [
      400,
      "cbor",
      "hex a2665f5f7479706578234d697373696e6741757468656e7469636174696f6e546f6b656e457863657074696f6e676d657373616765781c4d697373696e672041757468656e7469636174696f6e20546f6b656e",
    ],
  ],
  [
    "a third part of the target",
    { type: "json", target: "~.ListStreams.x", body: "{}" },
    [
      400,
      "json",
      '{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}',
    ],
  ],
  [
    "content type with parameters",
    { type: " application/x-amz-json-1.1 ;a", target: "~.ListStreams", body: "{}" },
    [
      400,
      "json",
      '{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}',
    ],
  ],
  [
    "an empty header",
    { type: "json", target: "~.ListStreams", headers: { authorization: "X" }, body: "{}" },
    [
      400,
      "json",
      "{\"__type\":\"IncompleteSignatureException\",\"message\":\"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=X\"}",
    ],
  ],
  [
    "a query that is not of a signature",
    {
      type: "json",
      target: "~.ListStreams",
      headers: { authorization: "X" },
      query: "X-Amz-Algorith",
      body: "{}",
    },
    [
      400,
      "json",
      "{\"__type\":\"IncompleteSignatureException\",\"message\":\"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=X\"}",
    ],
  ],
  [
    "a query without algorithm",
    {
      type: "json",
      target: "~.ListStreams",
      query: "X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=c&X-Amz-Date=d",
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}',
    ],
  ],
  [
    "header and query",
    {
      type: "json",
      target: "~.ListStreams",
      headers: { authorization: "X" },
      query: "X-Amz-Algorithm",
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"InvalidSignatureException","message":"Found both \'X-Amz-Algorithm\' as a query-string param and \'Authorization\' as HTTP header."}',
    ],
  ],
  [
    "header with spaces",
    {
      type: "json",
      target: "~.ListStreams",
      headers: { authorization: "AWS4- Signature=b Credential=a", date: "a" },
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"Authorization header requires \'SignedHeaders\' parameter. Authorization=AWS4- Signature=b Credential=a"}',
    ],
  ],
  [
    "header with commas",
    {
      type: "json",
      target: "~.ListStreams",
      headers: { authorization: "AWS4- Signature=b,Credential=a", date: "a" },
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"Authorization header requires \'SignedHeaders\' parameter. Authorization=AWS4- Signature=b,Credential=a"}',
    ],
  ],
  [
    "header with commas and spaces",
    {
      type: "json",
      target: "~.ListStreams",
      headers: { authorization: "AWS4- Signature=b, Credential=a", date: "a" },
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"Authorization header requires \'SignedHeaders\' parameter. Authorization=AWS4- Signature=b, Credential=a"}',
    ],
  ],
  [
    "header without date",
    {
      type: "json",
      target: "~.ListStreams",
      headers: { authorization: "AWS4- Signature=b, Credential=a, SignedHeaders=c" },
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"Authorization header requires existence of either a \'X-Amz-Date\' or a \'Date\' header. Authorization=AWS4- Signature=b, Credential=a, SignedHeaders=c"}',
    ],
  ],
  [
    "header with empty parts",
    {
      type: "json",
      target: "~.ListStreams",
      headers: {
        authorization: "AWS4- Signature=, Credential, SignedHeaders=c",
        "x-amz-date": "a",
      },
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"Authorization header requires \'Credential\' parameter. Authorization header requires \'Signature\' parameter. Authorization=AWS4- Signature=, Credential, SignedHeaders=c"}',
    ],
  ],
  [
    "header in lower case",
    {
      type: "json",
      target: "~.ListStreams",
      headers: {
        authorization: "AWS4- signature=b, credential=a, signedHeaders=c",
        "x-amz-date": "a",
      },
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"Authorization header requires \'Credential\' parameter. Authorization header requires \'Signature\' parameter. Authorization header requires \'SignedHeaders\' parameter. Authorization=AWS4- signature=b, credential=a, signedHeaders=c"}',
    ],
  ],
  [
    "query with an empty algorithm",
    { type: "json", target: "~.ListStreams", query: "X-Amz-Algorithm", body: "{}" },
    [
      400,
      "json",
      "{\"__type\":\"IncompleteSignatureException\",\"message\":\"AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.\"}",
    ],
  ],
  [
    "query without credential",
    {
      type: "json",
      target: "~.ListStreams",
      query: "X-Amz-Algorithm=a&X-Amz-Signature=b&X-Amz-SignedHeaders=c&X-Amz-Date=d",
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"AWS query-string parameters must include \'X-Amz-Credential\'. Re-examine the query-string parameters."}',
    ],
  ],
  [
    "query without signature",
    {
      type: "json",
      target: "~.ListStreams",
      query: "X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-SignedHeaders=c&X-Amz-Date=d",
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"AWS query-string parameters must include \'X-Amz-Signature\'. Re-examine the query-string parameters."}',
    ],
  ],
  [
    "query without signed headers",
    {
      type: "json",
      target: "~.ListStreams",
      query: "X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d",
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"AWS query-string parameters must include \'X-Amz-SignedHeaders\'. Re-examine the query-string parameters."}',
    ],
  ],
  [
    "query without date",
    {
      type: "json",
      target: "~.ListStreams",
      query: "X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-SignedHeaders=d",
      body: "{}",
    },
    [
      400,
      "json",
      '{"__type":"IncompleteSignatureException","message":"AWS query-string parameters must include \'X-Amz-Date\'. Re-examine the query-string parameters."}',
    ],
  ],
  [
    "query in lower case",
    { type: "json", target: "~.ListStreams", query: "x-amz-algorithm=a", body: "{}" },
    [
      400,
      "json",
      '{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}',
    ],
  ],
  [
    "query, CBOR",
    { type: "cbor", target: "~.ListStreams", query: "X-Amz-Algorithm=a", body: "hex a0" },
    [
      400,
      "cbor",
      "hex a2665f5f74797065781c496e636f6d706c6574655369676e6174757265457863657074696f6e676d6573736167657901174157532071756572792d737472696e6720706172616d6574657273206d75737420696e636c7564652027582d416d7a2d43726564656e7469616c272e204157532071756572792d737472696e6720706172616d6574657273206d75737420696e636c7564652027582d416d7a2d5369676e6174757265272e204157532071756572792d737472696e6720706172616d6574657273206d75737420696e636c7564652027582d416d7a2d5369676e656448656164657273272e204157532071756572792d737472696e6720706172616d6574657273206d75737420696e636c7564652027582d416d7a2d44617465272e2052652d6578616d696e65207468652071756572792d737472696e6720706172616d65746572732e",
    ],
  ],
  [
    "complete header",
    {
      type: "json",
      target: "~.ListStreams",
      headers: {
        authorization: "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c",
        date: "d",
      },
      body: "{}",
    },
    "call",
  ],
  [
    "complete query",
    {
      type: "json",
      target: "~.ListStreams",
      query:
        "X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-SignedHeaders=d&X-Amz-Date=e",
      body: "{}",
    },
    "call",
  ],
];
