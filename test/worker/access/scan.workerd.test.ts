// The lock of GET /_millrace/scan: who may read the records of a stream may scan it, and nobody else.
import { describe } from "vitest";
import { serveOperator } from "../../../worker/operator/routes.ts";
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

const shared = {
  operations: ["Scan"],
  cases,
  actionsOf: () => ({ action: "kinesis:GetRecords", alias: "kinesis:GetRecords" }),
  ofPolicies: [],
};

describe("scan, by a signature", () => {
  describeLock<"Scan">({
    ...shared,
    ask: bySignature,
    refusals: {
      nobody: "MissingAuthenticationTokenException",
      forger: "InvalidSignatureException",
      unknown: "UnrecognizedClientException",
      denied: "AccessDeniedException",
      stranger: "streamNotFound",
    },
  });
});

describe("scan, by a session key", () => {
  describeLock<"Scan">({
    ...shared,
    ask: bySession,
    refusals: {
      nobody: "MissingAuthenticationTokenException",
      forger: "UnrecognizedClientException",
      unknown: "UnrecognizedClientException",
      denied: "AccessDeniedException",
      stranger: "streamNotFound",
    },
  });
});
