// The operator's document: what is read from it, and how each mistake is named.
import { describe, expect, test } from "vitest";
import { accessOf } from "../../../worker/auth/access.ts";
import { AuthConfigError, configureAuth, readAuthDocument } from "../../../worker/auth/config.ts";
import type { Env } from "../../../worker/core/bindings.ts";

const writer = { accessKeyId: "writer", secretAccessKey: "s1", account: "111122223333" };
const reader = {
  accessKeyId: "reader@example.com",
  secretAccessKey: "s2",
  account: "444455556666",
  sessionToken: "token",
  allow: [
    { actions: ["kinesis:Get*", "*"], streams: ["orders-*", "arn:aws:kinesis:*:1:stream/?"] },
  ],
  v3io: { accessKey: "session", user: "ann", password: "p:w" },
  tokens: ["t1.abc", "t1.def"],
};

const documentOf = (...principals: unknown[]): string => JSON.stringify({ principals });

describe("a good document", () => {
  const { keys } = readAuthDocument(documentOf(writer, reader));

  test("gives every principal its keys", () => {
    expect(keys.findSigning("writer")).toEqual({
      principal: { accessKeyId: "writer", account: "111122223333", allow: undefined },
      secretAccessKey: "s1",
      sessionToken: undefined,
    });
    expect(keys.findSigning("reader@example.com")).toMatchObject({
      principal: { account: "444455556666", allow: reader.allow },
      sessionToken: "token",
    });
    expect(keys.findSigning("nobody")).toBeUndefined();
  });

  test("finds principals by the secrets they send, each in its own place", () => {
    const found = { accessKeyId: "reader@example.com" };
    expect(keys.findBearer("sessionKey", "session")).toMatchObject(found);
    expect(keys.findBearer("password", "ann:p:w")).toMatchObject(found);
    expect(keys.findBearer("token", "t1.abc")).toMatchObject(found);
    expect(keys.findBearer("token", "t1.def")).toMatchObject(found);
    expect(keys.findBearer("token", "session")).toBeUndefined();
    expect(keys.findBearer("sessionKey", "t1.abc")).toBeUndefined();
    expect(keys.findBearer("sessionKey", "writer")).toBeUndefined();
    expect(keys.findBearer("sessionKey", "s1")).toBeUndefined();
  });

  test("an empty allow list is a list: it allows nothing", () => {
    const { keys } = readAuthDocument(documentOf({ ...writer, allow: [] }));
    expect(keys.findSigning("writer")?.principal.allow).toEqual([]);
  });
});

describe("a mistake", () => {
  const keyId = '"accessKeyId" must be 1 to 128 letters, digits or any of _ . @ + -';
  const twelve = 'principal 1 (writer): "account" must be 12 digits in quotes';
  const members = "accessKeyId, secretAccessKey, sessionToken, account, allow, v3io, tokens";
  const allow = (value: unknown): string => documentOf({ ...writer, allow: value });
  const entry = { actions: ["*"], streams: ["*"] };
  const cases: readonly (readonly [string, string])[] = [
    ["{", "the document is not JSON (position 1)"],
    ['{"principals":[],"principals":[]}', 'the document has "principals" twice in one object'],
    [
      '{"principals":[{"accessKeyId":"a","allow":[],"\\u0061llow":[{"actions":["*"],"streams":["*"]}]}]}',
      'the document has "allow" twice in one object',
    ],
    [
      '{"principals":[{"v3io":{"user":"a","password":"\\"{","user":"b"}}]}',
      'the document has "user" twice in one object',
    ],
    ["[]", "the document must be an object with principals"],
    ["null", "the document must be an object with principals"],
    ["{}", 'the document: "principals" must be a list that is not empty'],
    [documentOf(), 'the document: "principals" must be a list that is not empty'],
    ['{"principals":{}}', 'the document: "principals" must be a list that is not empty'],
    ['{"principal":[]}', 'the document: unknown member "principal"; there are principals'],
    [documentOf("x"), `principal 1 must be an object with ${members}`],
    [
      documentOf({ ...writer, alow: [] }),
      `principal 1: unknown member "alow"; there are ${members}`,
    ],
    [documentOf({ ...writer, accessKeyId: 7 }), `principal 1: ${keyId}`],
    [documentOf({ ...writer, accessKeyId: "a/b" }), `principal 1: ${keyId}`],
    [documentOf(writer, { ...writer, accessKeyId: "" }), `principal 2: ${keyId}`],
    [documentOf({ ...writer, account: "1234" }), twelve],
    [documentOf({ ...writer, account: 111122223333 }), twelve],
    [
      documentOf({ ...writer, secretAccessKey: "" }),
      'principal 1 (writer): "secretAccessKey" must be text',
    ],
    [
      documentOf({ ...writer, sessionToken: null }),
      'principal 1 (writer): "sessionToken" must be text',
    ],
    [documentOf(writer, writer), 'principal 2 (writer): another principal has this "accessKeyId"'],
    [allow({}), 'principal 1 (writer): "allow" must be a list'],
    [allow(["*"]), "principal 1 (writer), allow 1 must be an object with actions, streams"],
    [
      allow([entry, { ...entry, stream: [] }]),
      'principal 1 (writer), allow 2: unknown member "stream"; there are actions, streams',
    ],
    [
      allow([{ actions: ["*"] }]),
      'principal 1 (writer), allow 1: "streams" must be a list that is not empty',
    ],
    [
      allow([{ ...entry, actions: "*" }]),
      'principal 1 (writer), allow 1: "actions" must be a list that is not empty',
    ],
    [
      allow([{ ...entry, streams: [""] }]),
      'principal 1 (writer), allow 1: "streams" must be a list of texts that are not empty',
    ],
    ...["GetRecords", "s3:*", "kinesis:", "kinesis:Get Records", "kinesis:*:x"].map(
      (action) =>
        [
          allow([{ ...entry, actions: [action] }]),
          'principal 1 (writer), allow 1: "actions" must be ' +
            "like kinesis:Get*, v3io:PutRecords or *",
        ] as const,
    ),
    [
      allow([{ ...entry, streams: ["arn:aws:kinesis:stream/x"] }]),
      'principal 1 (writer), allow 1: "streams" must be ' +
        "names or whole ARNs, with * and ? where wanted",
    ],
    ...[
      ["arn:aws-cn:kinesis:us-east-1:111122223333:stream/x", "aws for us-east-1"],
      ["arn:aws:kinesis:cn-north-1:111122223333:stream/x", "aws-cn for cn-north-1"],
      ["arn:aws?*:kinesis:eu-west-1:*:stream/*", "aws for eu-west-1"],
    ].map(
      ([stream, right]) =>
        [
          allow([{ ...entry, streams: ["x", stream] }]),
          'principal 1 (writer), allow 1: "streams" must be ' +
            `ARNs with the partition of their region: ${right}`,
        ] as const,
    ),
    [
      documentOf({ ...writer, v3io: "key" }),
      "principal 1 (writer), v3io must be an object with accessKey, user, password",
    ],
    [
      documentOf({ ...writer, v3io: { user: "ann" } }),
      'principal 1 (writer), v3io: "user" and "password" are of use only together',
    ],
    [
      documentOf({ ...writer, v3io: { user: "a:b", password: "x" } }),
      'principal 1 (writer), v3io: "user" must be text without a colon',
    ],
    [
      documentOf(reader, { ...writer, v3io: { accessKey: "session" } }),
      "principal 2 (writer), v3io: another principal has the same credentials",
    ],
    [
      documentOf({ ...writer, tokens: "t1" }),
      'principal 1 (writer): "tokens" must be a list that is not empty',
    ],
    [
      documentOf(reader, { ...writer, tokens: ["t1.def"] }),
      'principal 2 (writer): one of "tokens" is there twice',
    ],
  ];
  test.each(cases)("%s", (document, message) => {
    expect(() => readAuthDocument(document)).toThrow(new AuthConfigError(message));
    expect(configureAuth({ MILLRACE_AUTH: document })).toMatchObject({
      mode: "closed",
      problem: `MILLRACE_AUTH: ${message}`,
    });
  });

  test("never prints a secret", () => {
    const broken = '{"principals":[{"secretAccessKey":"hunter2" "account":"1"}]}';
    const auth = configureAuth({ MILLRACE_AUTH: broken });
    expect(JSON.stringify(auth)).not.toContain("hunter2");
    expect(auth).toMatchObject({
      problem: "MILLRACE_AUTH: the document is not JSON (position 44)",
    });
  });
});

test.each([{}, { MILLRACE_AUTH: "" }, { MILLRACE_AUTH_2: "  \n" }])(
  "without a document (%j) a Worker is closed and says how to open it",
  (documents) => {
    expect(configureAuth(documents)).toEqual({
      mode: "closed",
      notice:
        "This Millrace is closed: no access keys are configured. Set the secret MILLRACE_AUTH to " +
        "a document with keys, as the README describes: npx wrangler secret put MILLRACE_AUTH",
      problem: undefined,
    });
  },
);

test("with a bad document a Worker is closed, and tells strangers nothing of it", () => {
  const auth = configureAuth({ MILLRACE_AUTH: documentOf({ ...writer, account: "x" }) });
  expect(auth.mode).toBe("closed");
  expect(auth).toMatchObject({ notice: expect.not.stringContaining("writer") as string });
});

describe("several documents", () => {
  const first = documentOf(writer);

  test("their principals count together", () => {
    const documents = { MILLRACE_AUTH: first, MILLRACE_AUTH_3: documentOf(reader) };
    const auth = configureAuth(documents);
    if (auth.mode !== "keys") throw new Error(auth.mode);
    expect(auth.keys.findSigning("writer")).toBeDefined();
    expect(auth.keys.findSigning("reader@example.com")).toBeDefined();
    expect(configureAuth({ MILLRACE_AUTH_2: first }).mode).toBe("keys");
  });

  test("a mistake in one of them closes the Worker, and its name is told", () => {
    expect(configureAuth({ MILLRACE_AUTH: first, MILLRACE_AUTH_2: "{}" })).toMatchObject({
      mode: "closed",
      problem: expect.stringMatching(/^MILLRACE_AUTH_2: /),
    });
    expect(configureAuth({ MILLRACE_AUTH: first, MILLRACE_AUTH_2: first })).toMatchObject({
      mode: "closed",
      problem: 'MILLRACE_AUTH_2: principal 1 (writer): another principal has this "accessKeyId"',
    });
  });

  test("all variables are read, and a change of one is seen", () => {
    const env = { MILLRACE_AUTH: first, MILLRACE_AUTH_9: documentOf(reader) };
    const both = accessOf(env as unknown as Env);
    expect(both.mode).toBe("keys");
    expect(accessOf({ ...env } as unknown as Env)).toBe(both);
    const one = accessOf({ MILLRACE_AUTH: first } as unknown as Env);
    expect(one).not.toBe(both);
  });
});
