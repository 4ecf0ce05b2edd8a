// Prints results and errors in the protocols of AWS services: AWS JSON, Smithy RPC v2 CBOR, AWS query
// and EC2 query (XML), S3's XML, and JSON over REST. Sources: the Smithy specification, "AWS
// protocols"; S3 API reference, "Error responses".
import { utf8 } from "../codec/bytes.ts";
import { type CborStyle, writeCbor } from "../codec/cborWriter.ts";
import { respond } from "../http/reply.ts";
import type { Protocol } from "./foreignCall.ts";

/** How the client of a request expects its reply. */
export interface Wire {
  readonly protocol: Protocol;
  /** Of the request: AWS JSON 1.0 and 1.1 are answered as they ask. */
  readonly contentType: string;
  readonly isHead: boolean;
}

export interface WireError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** The members of a result; none for an operation that returns nothing. */
export type Result = Readonly<Record<string, string>>;

const style: CborStyle = { indefinite: false, sorted: false, singles: false };

const jsonType = "application/x-amz-json-1.0";
const cborType = "application/cbor";

export function sendError(wire: Wire, { status, code, message }: WireError): Promise<Response> {
  const id = crypto.randomUUID();
  const named = { __type: code, message };
  switch (wire.protocol) {
    case "json":
      return send(wire, status, jsonTypeOf(wire), utf8(JSON.stringify(named)), id);
    case "cbor":
      return send(wire, status, cborType, writeCbor(named, style), id);
    case "rest": {
      const headers = { "x-amzn-errortype": code };
      return send(wire, status, "application/json", utf8(JSON.stringify({ message })), id, headers);
    }
    default:
      return send(wire, status, "text/xml", utf8(errorXml(wire.protocol, code, message, id)), id);
  }
}

function errorXml(protocol: Protocol, code: string, message: string, id: string): string {
  const text = `<Code>${escape(code)}</Code><Message>${escape(message)}</Message>`;
  const request = `<RequestId>${id}</RequestId>`;
  if (protocol === "s3") return `${xmlHead}<Error>${text}${request}</Error>`;
  if (protocol === "ec2") {
    return `${xmlHead}<Response><Errors><Error>${text}</Error></Errors><RequestID>${id}</RequestID></Response>`;
  }
  return `${xmlHead}<ErrorResponse><Error><Type>Sender</Type>${text}</Error>${request}</ErrorResponse>`;
}

/** `namespace`: of the service's XML. */
export function sendResult(
  wire: Wire,
  operation: string,
  namespace: string,
  result: Result,
): Promise<Response> {
  const id = crypto.randomUUID();
  const isEmpty = Object.keys(result).length === 0;
  switch (wire.protocol) {
    case "cbor": {
      // An operation that returns nothing has no body in this protocol.
      const body = isEmpty ? new Uint8Array(0) : writeCbor(result, style);
      return send(wire, 200, isEmpty ? undefined : cborType, body, id);
    }
    case "json":
    case "rest":
      return send(wire, 200, jsonTypeOf(wire), utf8(JSON.stringify(result)), id);
    default: {
      const members = Object.entries(result).map(([name, text]) => element(name, escape(text)));
      const content = isEmpty ? "" : element(`${operation}Result`, members.join(""));
      const metadata = element("ResponseMetadata", element("RequestId", id));
      const xml =
        `${xmlHead}<${operation}Response xmlns="${namespace}">${content}${metadata}` +
        `</${operation}Response>`;
      return send(wire, 200, "text/xml", utf8(xml), id);
    }
  }
}

const xmlHead = '<?xml version="1.0" encoding="UTF-8"?>\n';

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

function send(
  { protocol, isHead }: Wire,
  status: number,
  type: string | undefined,
  body: Uint8Array,
  id: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const all = {
    "x-amzn-requestid": id,
    "cache-control": "no-store",
    ...(type !== undefined && { "content-type": type }),
    ...(protocol === "cbor" && { "smithy-protocol": "rpc-v2-cbor" }),
    ...headers,
  };
  if (isHead) return Promise.resolve(new Response(null, { status, headers: all }));
  return respond(body, { status, headers: all });
}

function jsonTypeOf({ protocol, contentType }: Wire): string {
  if (protocol === "rest") return "application/json";
  return contentType.startsWith("application/x-amz-json-1.1")
    ? "application/x-amz-json-1.1"
    : jsonType;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
