// The conformance suite of the Durable Streams protocol, whole, against the real server. Only its six tests of
// webhook subscriptions are left out, which this server does not have (docs/decisions/0016-subscriptions-are-reserved.md).
import { afterAll, beforeAll, describe } from "vitest";
import { runConformanceTests } from "@durable-streams/server-conformance-tests";
import { type Server, startServer } from "./server.ts";

let server: Server;
const target = { baseUrl: "", longPollTimeoutMs: 2000 };

beforeAll(async () => {
  server = await startServer({ flags: ["--long-poll-ms", "500", "--memory"] });
  target.baseUrl = server.endpoint;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

// Each test has a stream of its own, and many of them wait.
describe.concurrent("the protocol", () => runConformanceTests(target));
