// Which requests are for another service of AWS: what clients send today, and what looks like it and is not.

import { expect, test } from "vitest";
import { foreignCallOf } from "../../../worker/aws/foreignCall.ts";

const signedFor = (service: string) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=00`,
});
const form = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
const rpc = { "smithy-protocol": "rpc-v2-cbor" };
const target = (name: string) => ({ "x-amz-target": name });

const granite = "GraniteServiceVersion20100801";
const presigned =
  "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Credential=AK%2F20260101%2Fus-east-1%2Fsts%2Faws4_request";

type Sent = [method: string, path: string, headers: Record<string, string>];

function callOf([method, path, headers]: Sent) {
  const [before = "", query = ""] = path.split("?", 2);
  const read = new Headers(headers);
  return foreignCallOf(
    { method, path: before, query, headers: read },
    (name) => name === "bigdata",
  );
}

test.each<[Sent, string, string | undefined, string]>([
  [["POST", "/", { ...form, ...signedFor("monitoring") }], "monitoring", undefined, "query"],
  [["POST", "/", { ...form, ...signedFor("sts") }], "sts", undefined, "query"],
  [["POST", "/", { ...form, ...signedFor("ec2") }], "ec2", undefined, "ec2"],
  [["GET", `/?${presigned}`, {}], "sts", "GetCallerIdentity", "query"],
  [["POST", "/", target(`${granite}.PutMetricData`)], "monitoring", "PutMetricData", "json"],
  [["POST", "/", target("DynamoDB_20120810.ListTables")], "dynamodb", "ListTables", "json"],
  [["POST", "/", target("AmazonSQS.SendMessage")], "sqs", "SendMessage", "json"],
  [["POST", "/000000000000/q", target("AmazonSQS.SendMessage")], "sqs", "SendMessage", "json"],
  [["POST", "/", { ...target("Unknown.Do"), ...signedFor("athena") }], "athena", "Do", "json"],
  [
    ["POST", `/service/${granite}/operation/PutMetricData`, rpc],
    "monitoring",
    "PutMetricData",
    "cbor",
  ],
  [["POST", "/service/Kinesis_20131202/operation/PutRecord", rpc], "kinesis", "PutRecord", "cbor"],
  [
    ["POST", "/service/Other/operation/Do", { ...rpc, ...signedFor("athena") }],
    "athena",
    "Do",
    "cbor",
  ],
  [["GET", "/", signedFor("s3")], "s3", undefined, "s3"],
  [["PUT", "/bucket/key", signedFor("s3")], "s3", undefined, "s3"],
  [["GET", "/2013-04-01/hostedzone", signedFor("route53")], "route53", undefined, "query"],
  [["GET", "/2015-03-31/functions", signedFor("lambda")], "lambda", undefined, "rest"],
])("%j is for %s (%s), in the form %s", (sent, service, operation, protocol) => {
  expect(callOf(sent)).toEqual({ service, operation, protocol });
});

test.each<Sent>([
  ["POST", "/", { ...target("Kinesis_20131202.PutRecord"), ...signedFor("kinesis") }],
  ["POST", "/", { ...target("Kinesis_20131202.PutRecord"), ...signedFor("monitoring") }],
  ["POST", "/", { ...target("kinesisApi.PutRecord"), ...signedFor("service") }],
  ["POST", "/Root/db", { ...target("DataStreams_V1.PutRecord"), ...signedFor("service") }],
  ["POST", "/", target("Unknown.Do")],
  ["POST", "/", { ...target("Unknown.Do"), ...signedFor("kinesis") }],
  ["POST", "/", {}],
  ["POST", "/", form],
  ["GET", "/_millrace/stats", signedFor("kinesis")],
  ["PUT", "/bigdata/key", signedFor("s3")],
  ["PUT", "/bigdata/key", { "x-v3io-function": "PutItem", ...signedFor("monitoring") }],
  ["GET", "/bigdata/key", { authorization: "AWS4-HMAC-SHA256 Credential=session-key" }],
  ["GET", "/bigdata/key", { authorization: "AWS session-key:" }],
  ["GET", "/bigdata/key", { authorization: "Basic dTpw" }],
])("%j is for a dialect", (...sent) => {
  expect(callOf(sent)).toBeUndefined();
});
