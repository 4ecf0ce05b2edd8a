// Who is asking, for each dialect in each mode.
import { describe, expect, test } from "vitest";
import {
  authenticate,
  refusalOfHead,
  type Credentials,
} from "../../../worker/auth/authenticate.ts";
import { configureAuth, type OpenAuth, readAuthDocument } from "../../../worker/auth/config.ts";
import {
  envelopeOf,
  type HeaderList,
  key,
  nowMs,
  plainRequest,
  type PlainRequest,
  readerOf,
  sign,
  timestamp,
} from "./requests.ts";

const auth = readAuthDocument(
  JSON.stringify({
    principals: [
      { ...key, account: "111122223333", tokens: ["t1.iam"] },
      {
        accessKeyId: "iguazio",
        secretAccessKey: "s",
        account: "444455556666",
        v3io: { accessKey: "e8bd4ca2-537b", user: "ann", password: "pä:ss" },
      },
    ],
  }),
);
const open: OpenAuth = { mode: "open", account: "000000000000" };
const closed = configureAuth({});

const v3io = (...headers: HeaderList): Credentials => ({
  dialect: "v3io",
  headers: readerOf(headers),
});
const kinesis = (request: PlainRequest): Credentials => ({
  dialect: "kinesis",
  ...envelopeOf(request),
});
const yandex = (...headers: HeaderList): Credentials => ({
  dialect: "yandex",
  method: "POST",
  path: "/",
  query: "",
  body: new Uint8Array(0),
  headers: readerOf(headers),
  authorization: undefined,
});
const signedForYandex = (request: PlainRequest): Credentials => ({
  dialect: "yandex",
  ...envelopeOf(request),
});
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const keyed = (accessKeyId: string): PlainRequest =>
  sign(plainRequest, { key: { accessKeyId, secretAccessKey: "whatever" } });

const unknown = "UnrecognizedClientException";
const signed = sign(plainRequest);

describe("with keys", () => {
  const cases: readonly (readonly [string, Credentials, string])[] = [
    ["kinesis: a signature", kinesis(signed), "111122223333"],
    ["kinesis: a bad one", kinesis({ ...signed, body: "" }), "InvalidSignatureException"],
    ["v3io: session key", v3io(["X-v3io-session-key", "e8bd4ca2-537b"]), "444455556666"],
    ["v3io: another", v3io(["X-v3io-session-key", "e8bd4ca2-537c"]), unknown],
    ["v3io: an access key id is no secret", v3io(["X-v3io-session-key", "iguazio"]), unknown],
    ["v3io: a secret key is not sent", v3io(["X-v3io-session-key", "s"]), unknown],
    ["v3io: an IAM token is none", v3io(["X-v3io-session-key", "t1.iam"]), unknown],
    ["v3io: Basic", v3io(["Authorization", `Basic ${base64("ann:pä:ss")}`]), "444455556666"],
    ["v3io: basic", v3io(["Authorization", `basic  ${base64("ann:pä:ss")}`]), "444455556666"],
    ["v3io: a wrong password", v3io(["Authorization", `Basic ${base64("ann:pass")}`]), unknown],
    ["v3io: no password", v3io(["Authorization", `Basic ${base64("ann")}`]), unknown],
    ["v3io: not base64", v3io(["Authorization", "Basic %%%"]), unknown],
    ["v3io: AWS, version 2", v3io(["Authorization", "AWS e8bd4ca2-537b:c2ln"]), "444455556666"],
    [
      "v3io: AWS, version 4",
      v3io(["Authorization", "AWS4-HMAC-SHA256 Credential=e8bd4ca2-537b/x/y, Signature=z"]),
      "444455556666",
    ],
    ["v3io: AWS with a key id", v3io(["Authorization", "AWS iguazio:c2ln"]), unknown],
    ["v3io: AWS with nothing", v3io(["Authorization", "AWS"]), unknown],
    [
      "v3io: no key in it",
      v3io(["Authorization", "AWS4-HMAC-SHA256 Signature=z"]),
      "MissingAuthenticationTokenException",
    ],
    [
      "v3io: another scheme",
      v3io(["Authorization", "Bearer x"]),
      "MissingAuthenticationTokenException",
    ],
    ["v3io: an empty key", v3io(["X-v3io-session-key", ""]), "MissingAuthenticationTokenException"],
    ["v3io: nothing", v3io(), "MissingAuthenticationTokenException"],
    ["yandex: bearer", yandex(["Authorization", "Bearer t1.iam"]), "111122223333"],
    ["yandex: subject token", yandex(["X-YaCloud-SubjectToken", "t1.iam"]), "111122223333"],
    ["yandex: subject bearer", yandex(["X-YaCloud-SubjectToken", "Bearer t1.iam"]), "111122223333"],
    ["yandex: security token", yandex(["x-amz-security-token", "t1.iam"]), "111122223333"],
    ["yandex: unknown token", yandex(["Authorization", "Bearer t1.i"]), "AccessDeniedException"],
    ["yandex: nothing", yandex(), "IncompleteSignatureException"],
    ["yandex: a signature", signedForYandex(signed), "111122223333"],
    [
      "yandex: a signature for a service called so",
      signedForYandex(
        sign(plainRequest, { scope: `${timestamp.slice(0, 8)}/ru-central1/service/aws4_request` }),
      ),
      "111122223333",
    ],
    ["yandex: a bad one", signedForYandex({ ...signed, path: "/ru" }), "InvalidSignatureException"],
    [
      "yandex: a token beside a signature is part of it",
      signedForYandex(
        sign({
          ...plainRequest,
          headers: [...plainRequest.headers, ["x-amz-security-token", "t1.iam"]],
        }),
      ),
      unknown,
    ],
  ];
  test.each(cases)("%s", (_, credentials, outcome) => {
    expect(outcomeOf(auth, credentials)).toBe(outcome);
  });
});

describe("before the body has come", () => {
  const old = sign(
    {
      ...plainRequest,
      headers: [
        ["Host", "a"],
        ["X-Amz-Date", "20260101T000000Z"],
      ],
    },
    { scope: "20260101/us-east-1/kinesis/aws4_request" },
  );
  const mangled = (from: string, to: string): PlainRequest => ({
    ...signed,
    headers: signed.headers.map(([name, value]) => [name, value.replace(from, to)]),
  });
  const cases: readonly (readonly [string, Credentials, string | undefined])[] = [
    ["kinesis: a good signature", kinesis(signed), undefined],
    [
      "kinesis: one that only the body shows to be bad",
      kinesis({ ...signed, body: "" }),
      undefined,
    ],
    ["kinesis: an unknown key", kinesis(keyed("nobody")), unknown],
    ["kinesis: an old date", kinesis(old), "InvalidSignatureException"],
    ["kinesis: no date", kinesis(mangled(timestamp, "now")), "IncompleteSignatureException"],
    [
      "kinesis: a short credential",
      kinesis(mangled("/us-east-1", "")),
      "IncompleteSignatureException",
    ],
    [
      "kinesis: another service",
      kinesis(mangled("/kinesis/", "/s3/")),
      "InvalidSignatureException",
    ],
    ["kinesis: another algorithm", kinesis(mangled("HMAC", "RSA")), "IncompleteSignatureException"],
    [
      "kinesis: a header that is not there",
      kinesis(mangled("=content-type", "=a")),
      "InvalidSignatureException",
    ],
    [
      "kinesis: what cannot be a signature",
      kinesis(mangled("Signature=", "Signature=x")),
      "InvalidSignatureException",
    ],
    ["yandex: a token", yandex(["Authorization", "Bearer t1.iam"]), undefined],
    ["yandex: an unknown token", yandex(["Authorization", "Bearer t1.i"]), "AccessDeniedException"],
    ["yandex: nothing", yandex(), "IncompleteSignatureException"],
    ["yandex: a good signature", signedForYandex(signed), undefined],
    ["yandex: an unknown key", signedForYandex(keyed("nobody")), unknown],
  ];

  test.each(cases)("%s: %s", (_, credentials, name) => {
    const needsBody = credentials.dialect === "kinesis" || credentials.dialect === "yandex";
    if (!needsBody) throw new Error(`${credentials.dialect} needs no body`);
    expect(refusalOfHead(auth, credentials, nowMs)?.name).toBe(name);
    expect(refusalOfHead(open, credentials, nowMs)).toBeUndefined();
    expect(refusalOfHead(closed, credentials, nowMs)?.name).toBe("AccessDeniedException");
    if (name !== undefined) expect(outcomeOf(auth, credentials)).toBe(name);
  });
});

describe("open", () => {
  const cases: readonly (readonly [string, Credentials, string])[] = [
    ["kinesis: any key", kinesis(keyed("test")), "000000000000"],
    ["kinesis: twelve digits", kinesis(keyed("123456789012")), "123456789012"],
    ["kinesis: thirteen digits", kinesis(keyed("1234567890123")), "000000000000"],
    ["v3io: nothing", v3io(), "000000000000"],
    ["v3io: any key", v3io(["X-v3io-session-key", "x"]), "000000000000"],
    ["v3io: twelve digits", v3io(["X-v3io-session-key", "123456789012"]), "123456789012"],
    [
      "v3io: a user of digits",
      v3io(["Authorization", `Basic ${base64("123456789012:x")}`]),
      "123456789012",
    ],
    ["yandex: any token", yandex(["Authorization", "Bearer x"]), "000000000000"],
    ["yandex: twelve digits", yandex(["Authorization", "Bearer 123456789012"]), "123456789012"],
    ["yandex: any signature", signedForYandex(keyed("123456789012")), "123456789012"],
    ["yandex: nothing", yandex(), "IncompleteSignatureException"],
  ];
  test.each(cases)("%s", (_, credentials, outcome) => {
    expect(outcomeOf(open, credentials)).toBe(outcome);
  });

  test("the region is that of the scope, when it can be one", () => {
    expect(authenticate(open, kinesis(signed), nowMs)).toMatchObject({ region: "us-east-1" });
    const odd = sign(plainRequest, { scope: "2/EU?/4/5" });
    expect(authenticate(open, kinesis(odd), nowMs)).toMatchObject({ region: undefined });
  });

  test("secrets that nobody asked for are forgotten", () => {
    const caller = authenticate(open, yandex(["Authorization", "Bearer hunter2"]), nowMs);
    expect(JSON.stringify(caller)).not.toContain("hunter2");
  });
});

test.each([kinesis(signed), v3io(["X-v3io-session-key", "e8bd4ca2-537b"]), yandex()])(
  "closed: everybody is told what to set",
  (credentials) => {
    expect(authenticate(closed, credentials, nowMs)).toMatchObject({
      kind: "refusal",
      name: "AccessDeniedException",
      message: expect.stringContaining("wrangler secret put MILLRACE_AUTH") as string,
    });
  },
);

/** The account of the caller, or the name of the refusal. */
function outcomeOf(config: typeof auth | OpenAuth, credentials: Credentials): string {
  const outcome = authenticate(config, credentials, nowMs);
  return outcome.kind === "caller" ? outcome.principal.account : outcome.name;
}
