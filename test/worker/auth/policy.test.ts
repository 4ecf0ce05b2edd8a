// What a caller may do: by the list of the principal, by the policy of the resource, and by both.
import { describe, expect, test } from "vitest";
import { admit, admitAnyone, type Allowance, type Principal } from "../../../worker/auth/caller.ts";
import { authorize, may } from "../../../worker/auth/policy.ts";
import { parsePolicy } from "../../../worker/auth/resourcePolicy.ts";

const account = "111122223333";
const other = "444455556666";
const orders = `arn:aws:kinesis:us-east-1:${account}:stream/orders`;
const consumer = `${orders}/consumer/app:1700000000`;
const foreign = `arn:aws:kinesis:us-east-1:${other}:stream/orders`;

const principalOf = (allow?: readonly Allowance[]): Principal => ({
  accessKeyId: "ann",
  account,
  allow,
});

const allowing = (actions: readonly string[], streams: readonly string[]): Principal =>
  principalOf([{ actions, streams }]);

const policyOf = (...statements: object[]) =>
  parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement: statements }));

const statement = (effect: string, principal: unknown, arn = orders, action = "kinesis:*") => ({
  Effect: effect,
  Principal: principal === "*" ? "*" : { AWS: principal },
  Action: action,
  Resource: arn,
});

describe("an allow list", () => {
  const put = "kinesis:PutRecord";
  const cases: readonly (readonly [string[], string[], string, string, boolean])[] = [
    [["*"], ["*"], put, orders, true],
    [["*"], ["*"], "v3io:PutRecords", orders, true],
    [["kinesis:*"], ["*"], put, orders, true],
    [["kinesis:*"], ["*"], "v3io:PutRecords", orders, false],
    [["kinesis:Put*"], ["*"], put, orders, true],
    [["kinesis:put*"], ["*"], put, orders, true],
    [["kinesis:Get*"], ["*"], put, orders, false],
    [["kinesis:PutRecord?"], ["*"], put, orders, false],
    [["kinesis:PutRecord?"], ["*"], "kinesis:PutRecords", orders, true],
    [["kinesis:Get*", "kinesis:Put*"], ["x", "orders"], put, orders, true],
    [["*"], ["orders"], put, orders, true],
    [["*"], ["order"], put, orders, false],
    [["*"], ["ord*"], put, orders, true],
    [["*"], ["*ders"], put, orders, true],
    [["*"], ["o?ders"], put, orders, true],
    [["*"], ["Orders"], put, orders, false],
    [["*"], ["orders"], put, foreign, false],
    [["*"], ["o*"], put, foreign, false],
    [["*"], ["*"], put, foreign, true],
    [["*"], [foreign], put, foreign, true],
    [["*"], [orders], put, orders, true],
    [["*"], [`arn:aws:kinesis:*:${account}:stream/*`], put, orders, true],
    [["*"], [`arn:aws:kinesis:*:${account}:stream/*`], put, foreign, false],
    [["*"], ["arn:*:kinesis:us-west-2:*:stream/*"], put, orders, false],
    [["*"], ["arn:*:*:*:*:*"], put, orders, true],
    [["*"], ["orders"], "kinesis:SubscribeToShard", consumer, true],
    [["*"], [orders], "kinesis:SubscribeToShard", consumer, true],
    [["*"], ["bills"], "kinesis:SubscribeToShard", consumer, false],
    [["*"], [consumer], "kinesis:SubscribeToShard", consumer, true],
    [["*"], [consumer], put, orders, false],
    [["*"], ["/bigdata/*"], "v3io:GetRecords", `${orders.slice(0, -6)}/bigdata/taxi/drivers`, true],
    [["*"], ["bigdata*"], "v3io:GetRecords", `${orders.slice(0, -6)}/bigdata/taxi/drivers`, false],
    [["*"], ["*"], "kinesis:ListStreams", "*", true],
    [["*"], ["orders"], "kinesis:ListStreams", "*", false],
    [["*"], [orders], "kinesis:ListStreams", "*", false],
  ];
  test.each(cases)("%j on %j: %s on %s is %s", (actions, streams, action, arn, allowed) => {
    expect(may(allowing(actions, streams), action, arn)).toBe(allowed);
  });

  test("no wildcard reaches over a colon into the account", () => {
    const arn = `arn:aws:kinesis:us-east-1:${other}:stream//bigdata/x:${account}:stream/orders`;
    const principal = allowing(["*"], [`arn:aws:kinesis:*:${account}:stream/orders`]);
    expect(may(principal, "v3io:GetRecords", arn)).toBe(false);
  });

  test("that is empty allows nothing, and none at all everything", () => {
    expect(may(principalOf([]), put, orders)).toBe(false);
    expect(may(principalOf(), put, orders)).toBe(true);
  });

  test("is any of its entries, each with its own streams", () => {
    const principal = principalOf([
      { actions: ["kinesis:Get*"], streams: ["orders"] },
      { actions: ["kinesis:Put*"], streams: ["bills"] },
    ]);
    expect(may(principal, "kinesis:GetRecords", orders)).toBe(true);
    expect(may(principal, put, orders)).toBe(false);
  });
});

describe("the refusal", () => {
  const user = `User: arn:aws:iam::${account}:user/ann is not authorized to perform: `;

  test("names the user, the action, the resource and the silent policy", () => {
    const deed = { action: "kinesis:PutRecord", arn: orders };
    expect(authorize(admit(principalOf([])), deed)).toEqual({
      kind: "refusal",
      name: "AccessDeniedException",
      message:
        `${user}kinesis:PutRecord on resource: ${orders} ` +
        "because no identity-based policy allows the kinesis:PutRecord action",
    });
  });

  test("names the policy of the resource where that is silent, and where it denies", () => {
    const action = "kinesis:GetRecords";
    expect(authorize(admit(principalOf()), { action, arn: foreign })?.message).toBe(
      `${user}kinesis:GetRecords on resource: ${foreign} ` +
        "because no resource-based policy allows the kinesis:GetRecords action",
    );
    const policy = policyOf(statement("Deny", account));
    expect(authorize(admit(principalOf()), { action, arn: orders, policy })?.message).toBe(
      `${user}kinesis:GetRecords on resource: ${orders} ` +
        "with an explicit deny in a resource-based policy",
    );
  });
});

describe("two voices", () => {
  const user = `arn:aws:iam::${account}:user/ann`;
  const root = `arn:aws:iam::${account}:root`;
  const none = principalOf([]);
  const all = principalOf();
  const cases: readonly (readonly [string, Principal, string, object[], boolean])[] = [
    ["own: the list is enough", all, orders, [], true],
    ["own: a policy by name is enough", none, orders, [statement("Allow", user)], true],
    ["own: a policy for anybody is enough", none, orders, [statement("Allow", "*")], true],
    ["own: a policy for the account is not", none, orders, [statement("Allow", account)], false],
    ["own: a policy for the root is not", none, orders, [statement("Allow", root)], false],
    ["own: silence allows nothing", none, orders, [statement("Allow", other)], false],
    ["own: Deny is final", all, orders, [statement("Allow", user), statement("Deny", "*")], false],
    ["own: Deny of another does not concern", all, orders, [statement("Deny", other)], true],
    ["foreign: the list alone is not enough", all, foreign, [], false],
    ["foreign: both by account", all, foreign, [statement("Allow", account, foreign)], true],
    ["foreign: both by root", all, foreign, [statement("Allow", root, foreign)], true],
    ["foreign: both by user", all, foreign, [statement("Allow", user, foreign)], true],
    ["foreign: the policy alone is not", none, foreign, [statement("Allow", user, foreign)], false],
    ["foreign: of another resource", all, foreign, [statement("Allow", user, orders)], false],
    [
      "foreign: Deny is final",
      all,
      foreign,
      [statement("Deny", user, foreign), statement("Allow", account, foreign)],
      false,
    ],
  ];
  test.each(cases)("%s", (_, principal, arn, statements, allowed) => {
    const policy = statements.length > 0 ? policyOf(...statements) : undefined;
    const deed = { action: "kinesis:GetRecords", arn, policy };
    expect(authorize(admit(principal), deed) === undefined).toBe(allowed);
  });

  test("a Deny of a Kinesis action holds for the same deed by another name", () => {
    const policy = policyOf(statement("Deny", "*", orders, "kinesis:PutRecords"));
    const deed = { action: "v3io:PutRecords", arn: orders, policy };
    expect(authorize(admit(all), deed)).toBeUndefined();
    expect(authorize(admit(all), { ...deed, alias: "kinesis:PutRecords" })).toBeDefined();
  });
});

test("nothing is forbidden in an open server", () => {
  const policy = policyOf(statement("Deny", "*", foreign));
  const deed = { action: "kinesis:PutRecord", arn: foreign, policy };
  expect(authorize(admitAnyone(account, other), deed)).toBeUndefined();
});
