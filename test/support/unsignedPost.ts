/**
 * Calls of the Kinesis API without an SDK, for operations that the SDK does not know, or to see every
 * reply: the signature is made up, which a server without keys accepts.
 */

/** `region` selects the dialect: `ru-central1` is Yandex's. */
export function postUnsigned(
  url: string,
  operation: string,
  input: object,
  region = "us-east-1",
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `Kinesis_20131202.${operation}`,
      "x-amz-date": "20260101T000000Z",
      authorization:
        `AWS4-HMAC-SHA256 Credential=local/20260101/${region}/kinesis/aws4_request, ` +
        "SignedHeaders=host;x-amz-target, Signature=0",
    },
    body: JSON.stringify(input),
  });
}
