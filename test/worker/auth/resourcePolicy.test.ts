// Documents that are attached to streams and consumers: what is refused when one is put, and what
// a doubtful one does that was stored all the same.
import { describe, expect, test } from "vitest";
import type { Principal } from "../../../worker/auth/caller.ts";
import { matchesPattern } from "../../../worker/auth/pattern.ts";
import {
  evaluatePolicy,
  findPolicyProblem,
  parsePolicy,
  silent,
} from "../../../worker/auth/resourcePolicy.ts";

const arn = "arn:aws:kinesis:us-east-1:111122223333:stream/orders";
const ann: Principal = { accessKeyId: "ann", account: "111122223333", allow: undefined };

const good = {
  Sid: "writestatement",
  Effect: "Allow",
  Principal: { AWS: "111122223333" },
  Action: ["kinesis:DescribeStreamSummary", "kinesis:PutRecord"],
  Resource: arn,
};

const documentOf = (...statements: unknown[]): string =>
  JSON.stringify({ Version: "2012-10-17", Id: "policy", Statement: statements });

describe("a document that is put", () => {
  const principals = [
    "*",
    { AWS: "*" },
    { AWS: "111122223333" },
    { AWS: ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/ann@example.com"] },
    { AWS: "arn:aws-cn:iam::111122223333:user/ann" },
  ];
  test.each(principals)("is good with the principal %j", (Principal) => {
    expect(findPolicyProblem(documentOf({ ...good, Principal }), arn)).toBeUndefined();
  });

  test("is good with one statement in no list, one action in no list, patterns", () => {
    const Statement = { ...good, Action: "kinesis:Get*", Resource: `${arn.slice(0, -3)}*` };
    expect(findPolicyProblem(JSON.stringify({ Statement }), arn)).toBeUndefined();
    expect(
      findPolicyProblem(documentOf({ ...good, Action: "*", Resource: "*" }), arn),
    ).toBeUndefined();
  });

  const principalForm = 'statement 1: Principal must be "*" or {"AWS": …}';
  const role = "arn:aws:iam::111122223333:role/reader";
  const cases: readonly (readonly [string, string])[] = [
    ["", "it is not a JSON object"],
    ["[]", "it is not a JSON object"],
    ['"x"', "it is not a JSON object"],
    ["{}", "it has no Statement"],
    ['{"Statement":[]}', "it has no Statement"],
    [JSON.stringify({ Version: 1, Statement: good }), 'Version 1 is not "2012-10-17"'],
    [
      JSON.stringify({ statement: 1, Statement: good }),
      "the policy has statement, which is not supported",
    ],
    [documentOf("x"), "statement 1: it is not an object"],
    [
      documentOf(good).replace('"Effect":', '"Effect":"Deny","Effect":'),
      'it has "Effect" twice in one object',
    ],
    [
      documentOf(good).replace('"Statement":', '"Statement":[],"\\u0053tatement":'),
      'it has "Statement" twice in one object',
    ],
    [
      documentOf(good, { ...good, Effect: "allow" }),
      'statement 2: Effect "allow" is neither "Allow" nor "Deny"',
    ],
    [documentOf({ ...good, Principal: undefined }), principalForm],
    [documentOf({ ...good, Principal: { Service: "firehose.amazonaws.com" } }), principalForm],
    [documentOf({ ...good, Principal: "111122223333" }), principalForm],
    [documentOf({ ...good, Principal: { AWS: [] } }), "statement 1: Principal is missing"],
    [
      documentOf({ ...good, Principal: { AWS: [good.Principal.AWS, role] } }),
      `statement 1: Principal "${role}" is not supported`,
    ],
    [documentOf({ ...good, Action: undefined }), "statement 1: Action is missing"],
    [
      documentOf({ ...good, Action: "s3:GetObject" }),
      'statement 1: Action "s3:GetObject" is not supported',
    ],
    [documentOf({ ...good, Action: [7] }), "statement 1: Action 7 is not supported"],
    [documentOf({ ...good, Resource: undefined }), "statement 1: Resource is missing"],
    [
      documentOf({ ...good, Resource: "orders" }),
      'statement 1: Resource "orders" is not supported',
    ],
    [documentOf({ ...good, Resource: `${arn}x` }), `statement 1: Resource "${arn}x" is not ${arn}`],
    [
      documentOf({ ...good, Condition: { Bool: { "aws:SecureTransport": "true" } } }),
      "statement 1: it has Condition, which is not supported",
    ],
    [
      documentOf({ ...good, NotAction: "kinesis:PutRecord" }),
      "statement 1: it has NotAction, which is not supported",
    ],
  ];
  test.each(cases)("%s is refused", (text, problem) => {
    expect(findPolicyProblem(text, arn)).toBe(`The policy is not valid: ${problem}.`);
  });

  test("is refused above 20 KiB", () => {
    const text = documentOf({ ...good, Sid: "x".repeat(20 * 1024) });
    expect(findPolicyProblem(text, arn)).toBe(
      "The policy is not valid: it has more than 20480 bytes.",
    );
  });
});

describe("a doubtful document that is stored", () => {
  const denied = { isDenied: true, grant: "none" };
  const doubts: readonly (readonly [string, object])[] = [
    ["a condition", { ...good, Condition: { Bool: {} } }],
    ["NotAction", { ...good, Action: undefined, NotAction: "kinesis:GetRecords" }],
    ["NotResource", { ...good, Resource: undefined, NotResource: "x" }],
    ["NotPrincipal", { ...good, Principal: undefined, NotPrincipal: { AWS: "x" } }],
    ["a role", { ...good, Principal: { AWS: ["111122223333", "arn:aws:iam::1:role/x"] } }],
  ];
  test.each(doubts)("with %s: an Allow does not allow, a Deny denies", (_, statement) => {
    const verdictOf = (Effect: string) =>
      evaluatePolicy(
        parsePolicy(documentOf({ ...statement, Effect })),
        ann,
        ["kinesis:PutRecord"],
        arn,
      );
    expect(verdictOf("Allow")).toEqual(silent);
    expect(verdictOf("Deny")).toEqual(denied);
  });

  test.each(["", "{}", "[1]", '{"Statement":[7]}', documentOf({ ...good, Effect: "Maybe" })])(
    "%s denies",
    (text) => {
      expect(evaluatePolicy(parsePolicy(text), ann, ["kinesis:PutRecord"], arn)).toEqual(denied);
    },
  );

  test("a condition on a Deny of something else does not concern", () => {
    const policy = parsePolicy(
      documentOf({ ...good, Effect: "Deny", Action: "kinesis:GetRecords", Condition: {} }),
    );
    expect(evaluatePolicy(policy, ann, ["kinesis:PutRecord"], arn)).toEqual(silent);
  });
});

test("patterns: a table of small ones", () => {
  const matches = [
    ["", ""],
    ["*", ""],
    ["*", "abc"],
    ["a*c", "ac"],
    ["a*c", "abcbc"],
    ["a?c", "abc"],
    ["*b*", "abc"],
    ["**", "x"],
    ["a*b*c", "axxbyybzc"],
    ["?*", "x"],
    ["*.", "a.b."],
  ] as const;
  const misses = [
    ["", "a"],
    ["?", ""],
    ["a", "ab"],
    ["a*c", "abcd"],
    ["a?c", "ac"],
    ["*a", "ab"],
    ["a.c", "abc"],
    ["[a]", "a"],
  ] as const;
  for (const [pattern, text] of matches)
    expect([pattern, text, matchesPattern(pattern, text)]).toContain(true);
  for (const [pattern, text] of misses)
    expect([pattern, text, matchesPattern(pattern, text)]).toContain(false);
});

test("a pattern made to be slow is not", () => {
  expect(matchesPattern("*a".repeat(500), "a".repeat(1000).concat("b"))).toBe(false);
});
