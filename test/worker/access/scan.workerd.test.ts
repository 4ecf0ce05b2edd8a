// The lock of GET /_millrace/scan: who may read the records of a stream, in whichever dialect, may scan it, and nobody
// else.
import { describe } from "vitest";
import { operations as kinesisOperations } from "../../../worker/kinesis/operations.ts";
import { serveOperator } from "../../../worker/operator/routes.ts";
import { operations as v3ioOperations } from "../../../worker/v3io/operations.ts";
import { backendWith, home, signedRequest } from "./keys.ts";
import { type Ask, type Case, describeLock } from "./suite.ts";

const cases: Readonly<Record<"Scan", readonly Case[]>> = {
  Scan: ["", "&select=count", "&select=histogram", "&key=k&limit=1"].map((more) => ({
    on: "stream",
    input: ({ stream }) => ({ query: `stream=${stream}${more}` }),
  })),
};

const bySession: Ask = async (access, who, _, input) => {
  const headers: HeadersInit = who === undefined ? {} : { "x-v3io-session-key": who.sessionKey };
  return answer(access, new Request(addressOf(input), { headers }));
};

const bySignature: Ask = async (access, who, _, input) => {
  if (who === undefined) return answer(access, new Request(addressOf(input)));
  const key = { accessKeyId: who.accessKeyId, secretAccessKey: who.secret };
  const path = addressOf(input).slice("http://localhost".length);
  return answer(access, signedRequest({ method: "GET" }, key, home.region, path));
};

function addressOf(input: object): string {
  return `http://localhost/_millrace/scan?${(input as { query: string }).query}`;
}

async function answer(access: Parameters<Ask>[0], request: Request) {
  const reply = await serveOperator(request, backendWith(access), home);
  const text = new TextDecoder().decode(await reply.arrayBuffer());
  if (reply.status === 200) return { error: "", output: {} };
  return { error: (JSON.parse(text) as { error: string }).error, output: {} };
}

/** Every action of the dialects but those that read records. */
const foreign = [
  ...[...kinesisOperations.keys()].map((name) => `kinesis:${name}`),
  ...v3ioOperations.map(({ action }) => action),
].filter((action) => !action.endsWith(":GetRecords"));

/** Who may read the records by Kinesis, Yandex or Durable Streams, and who by v3io. */
const readers = ["kinesis:GetRecords", "v3io:GetRecords"];

const ways: [name: string, ask: Ask, forger: string][] = [
  ["a signature", bySignature, "InvalidSignatureException"],
  ["a session key", bySession, "UnrecognizedClientException"],
];

describe.each(ways)("scan, by %s", (_, ask, forger) => {
  describe.each(readers)("of who may do %s", (action) => {
    describeLock<"Scan">({
      operations: ["Scan"],
      cases,
      ask,
      actionsOf: () => ({ action, alias: "kinesis:GetRecords" }),
      foreign,
      ofPolicies: [],
      refusals: {
        nobody: "MissingAuthenticationTokenException",
        forger,
        unknown: "UnrecognizedClientException",
        denied: "AccessDeniedException",
        stranger: "streamNotFound",
      },
    });
  });
});
