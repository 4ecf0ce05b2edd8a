/** Where commands find the service and the credentials: flags, variables, and the AWS files. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseSections } from "../../../command/service/profile.ts";
import { readSettings } from "../../../command/service/settings.ts";

const scratch = mkdtempSync(join(tmpdir(), "millrace-settings-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const config = join(scratch, "config");
const credentials = join(scratch, "credentials");
writeFileSync(
  config,
  `[default]
region = eu-west-1
endpoint_url = http://127.0.0.1:5000

[profile  work]
region=eu-north-1   # a comment
services = own
[services own]
dynamodb =
  endpoint_url = http://127.0.0.1:6000
kinesis =
  endpoint_url = http://127.0.0.1:7000
[profile tool]
credential_process = printf '{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"SK"}'
[profile broken]
credential_process = exit 3
[profile login]
sso_session = corporate
[profile elsewhere]
endpoint_url = https://kinesis.example.com
`,
);
writeFileSync(
  credentials,
  "[work]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = T\n",
);
const files = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: credentials };
const none = { AWS_CONFIG_FILE: "/none", AWS_SHARED_CREDENTIALS_FILE: "/none" };
const keys = { AWS_ACCESS_KEY_ID: "I", AWS_SECRET_ACCESS_KEY: "S" };
const local = { accessKeyId: "local", secretAccessKey: "local" };

describe("the endpoint", () => {
  test.each([
    ["the local server", {}, none, "http://127.0.0.1:4567"],
    ["the profile's", {}, files, "http://127.0.0.1:5000"],
    ["the profile's for Kinesis", {}, { ...files, AWS_PROFILE: "work" }, "http://127.0.0.1:7000"],
    ["the variable", {}, { ...files, AWS_ENDPOINT_URL: "http://[::1]:1" }, "http://[::1]:1"],
    [
      "the variable for Kinesis",
      {},
      { ...none, AWS_ENDPOINT_URL: "http://a", AWS_ENDPOINT_URL_KINESIS: "http://localhost:2" },
      "http://localhost:2",
    ],
    [
      "the flag",
      { endpoint: "http://127.0.0.1:3" },
      { AWS_ENDPOINT_URL: "http://a" },
      "http://127.0.0.1:3",
    ],
    [
      "none that is configured, if that is wanted",
      {},
      { ...files, AWS_ENDPOINT_URL: "http://a", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" },
      "http://127.0.0.1:4567",
    ],
    [
      "Amazon's",
      { endpoint: "aws" },
      { ...keys, AWS_REGION: "eu-west-2" },
      "https://kinesis.eu-west-2.amazonaws.com",
    ],
    [
      "Amazon's in China",
      { endpoint: "aws", region: "cn-north-1" },
      keys,
      "https://kinesis.cn-north-1.amazonaws.com.cn",
    ],
  ])("is %s", (_what, flags, env, endpoint) => {
    expect(readSettings(flags, { ...none, ...env }).endpoint).toBe(endpoint);
  });

  test.each([
    ["no URL", { endpoint: "localhost" }, /--endpoint localhost is not valid/],
    ["another protocol", { endpoint: "ftp://a" }, /--endpoint ftp:\/\/a is not valid/],
    ["Amazon without a region", { endpoint: "aws" }, /needs a region: set AWS_REGION/],
    ["no region of Amazon", { endpoint: "aws", region: "evil.com/" }, /--region evil.com\/ is not/],
  ])("is refused: %s", (_what, flags, line) => {
    expect(() => readSettings(flags, { ...none, ...keys })).toThrow(line);
  });
});

describe("region and credentials", () => {
  test("without any, a server on this machine gets a name that it accepts", () => {
    expect(readSettings({}, none)).toMatchObject({ region: "us-east-1", credentials: local });
  });

  test("a service elsewhere needs credentials", () => {
    expect(() => readSettings({ profile: "elsewhere" }, files)).toThrow(
      /^https:\/\/kinesis.example.com needs credentials: set AWS_ACCESS_KEY_ID/,
    );
  });

  test("the variables are those of the SDKs", () => {
    const env = { ...files, ...keys, AWS_SESSION_TOKEN: "T", AWS_DEFAULT_REGION: "sa-east-1" };
    const { region, credentials: found } = readSettings({}, env);
    expect(region).toBe("sa-east-1");
    expect(found).toEqual({ accessKeyId: "I", secretAccessKey: "S", sessionToken: "T" });
    expect(() => readSettings({}, { ...none, AWS_ACCESS_KEY_ID: "I" })).toThrow(/needed together/);
  });

  test("a profile that is named by a flag goes before the variables' keys", () => {
    const { region, credentials: found } = readSettings({ profile: "work" }, { ...files, ...keys });
    expect(region).toBe("eu-north-1");
    expect(found).toEqual({ accessKeyId: "A", secretAccessKey: "B", sessionToken: "T" });
  });

  test("a credential_process is run", () => {
    const { credentials: found } = readSettings({ profile: "tool" }, files);
    expect(found).toEqual({ accessKeyId: "AK", secretAccessKey: "SK" });
    expect(() => readSettings({ profile: "broken" }, files)).toThrow(
      /^credential_process of profile "broken" failed: /,
    );
  });

  test("a login that only the AWS CLI can do is named, with what to do", () => {
    expect(() => readSettings({ profile: "login" }, files)).toThrow(
      /by sso_session: .*aws configure export-credentials --profile login/,
    );
  });
});

test("sections: comments, blanks, nested settings, and a section twice", () => {
  const text =
    "# a\n[ profile  a ]\r\nx = 1\n; b\ns =\n  y = 2\n z=3\n[b]\nx=\n[profile a]\nw = 4 ; c\n";
  expect(Object.fromEntries(parseSections(text))).toEqual({
    "profile a": { x: "1", s: "", "s.y": "2", "s.z": "3", w: "4" },
    b: { x: "" },
  });
});
