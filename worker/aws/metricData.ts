// CloudWatch PutMetricData: the Kinesis client and producer libraries report their metrics with it,
// every few seconds. The data are counted and dropped. The body is read only to count them: in AWS
// query, AWS JSON or Smithy RPC v2 CBOR (CloudWatch API reference, PutMetricData).
import { decodeCbor } from "../codec/cborReader.ts";
import { parseJson } from "../codec/json.ts";
import { isPlainObject } from "../codec/plainObject.ts";
import type { Protocol } from "./foreignCall.ts";

/** How many metric data the body has. Throws an Error for a body that is not well formed. */
export function countMetricData(body: Uint8Array, protocol: Protocol): number {
  if (protocol === "query") return countMembers(new TextDecoder().decode(body));
  const input = protocol === "cbor" ? decodeCbor(body) : parseJson(body);
  if (!isPlainObject(input)) throw new Error("the input is no structure");
  const entities = listIn(input, "EntityMetricData").flatMap((entity) =>
    isPlainObject(entity) ? listIn(entity, "MetricData") : [],
  );
  return listIn(input, "MetricData").length + entities.length;
}

function countMembers(form: string): number {
  return form.split(/(?:^|&)(?:Entity)?MetricData\.[\w.]*MetricName=/).length - 1;
}

function listIn(input: Record<string, unknown>, name: string): unknown[] {
  const list = input[name];
  return Array.isArray(list) ? list : [];
}
