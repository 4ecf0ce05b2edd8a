/**
 * Which service a command talks to, as whom, and from where this is known: flags first, then the
 * usual AWS variables, then the profile in the AWS configuration files. Without an endpoint it is
 * the local server, so that no command reaches Amazon by mistake; `--endpoint aws` is Amazon's own.
 */
import { execFileSync } from "node:child_process";
import { isLoopback } from "../../worker/http/hosts.ts";
import { Failure } from "../../local/failure.ts";
import { readConfigFiles, type Section } from "./profile.ts";

export interface ServiceFlags {
  endpoint?: string;
  region?: string;
  profile?: string;
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface ServiceSettings {
  /** An origin, such as `http://127.0.0.1:4567`, with a path if the user gave one. */
  endpoint: string;
  region: string;
  credentials: Credentials;
}

const localEndpoint = "http://127.0.0.1:4567";
const processMsMax = 60_000;

/** Throws a Failure if the endpoint is no URL, or if a service elsewhere needs credentials. */
export function readSettings(
  flags: ServiceFlags,
  env: NodeJS.ProcessEnv = process.env,
): ServiceSettings {
  const files = readConfigFiles(env);
  const name = flags.profile ?? given(env["AWS_PROFILE"]) ?? "default";
  const profile = files.profile(name);
  if (profile === undefined && name !== "default") {
    throw new Failure(`there is no profile "${name}" in the AWS configuration files`, 2);
  }
  const services = files.services(profile?.["services"] ?? "");
  const region =
    flags.region ??
    given(env["AWS_REGION"]) ??
    given(env["AWS_DEFAULT_REGION"]) ??
    profile?.["region"];
  const wanted = flags.endpoint ?? configuredEndpoint(env, profile, services) ?? localEndpoint;
  const endpoint = wanted === "aws" ? amazonEndpoint(region) : checkEndpoint(wanted);
  const isLocal = isLoopback(new URL(endpoint).hostname);
  const variables = flags.profile === undefined ? variableCredentials(env) : undefined;
  const credentials =
    variables ?? profileCredentials(name, profile) ?? (isLocal ? localCredentials : undefined);
  if (credentials === undefined) {
    throw new Failure(
      `${endpoint} needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE`,
    );
  }
  return { endpoint, region: region ?? "us-east-1", credentials };
}

/** A server without keys accepts them, and so does every emulator. */
const localCredentials: Credentials = { accessKeyId: "local", secretAccessKey: "local" };

/** As in the SDKs: the variable of the service, the variable, then the same in the profile. */
function configuredEndpoint(
  env: NodeJS.ProcessEnv,
  profile: Section | undefined,
  services: Section | undefined,
): string | undefined {
  if (env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.toLowerCase() === "true") return undefined;
  return (
    given(env["AWS_ENDPOINT_URL_KINESIS"]) ??
    given(env["AWS_ENDPOINT_URL"]) ??
    services?.["kinesis.endpoint_url"] ??
    profile?.["endpoint_url"]
  );
}

function amazonEndpoint(region: string | undefined): string {
  if (region === undefined) {
    throw new Failure("--endpoint aws needs a region: set AWS_REGION or pass --region", 2);
  }
  if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region)) {
    throw new Failure(`--region ${region} is not a region of AWS, such as us-east-1`, 2);
  }
  return `https://kinesis.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

function checkEndpoint(text: string): string {
  const url = URL.parse(text);
  if (url !== null && ["http:", "https:"].includes(url.protocol) && url.search + url.hash === "") {
    return url.href.replace(/\/$/, "");
  }
  throw new Failure(
    `--endpoint ${text} is not valid: pass a URL such as ${localEndpoint}, or aws`,
    2,
  );
}

function variableCredentials(env: NodeJS.ProcessEnv): Credentials | undefined {
  const accessKeyId = given(env["AWS_ACCESS_KEY_ID"]);
  const secretAccessKey = given(env["AWS_SECRET_ACCESS_KEY"]);
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Failure("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed together");
  }
  const sessionToken = given(env["AWS_SESSION_TOKEN"]);
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

/** Keys of the profile, or those that its `credential_process` prints. */
function profileCredentials(name: string, profile: Section = {}): Credentials | undefined {
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey } = profile;
  const sessionToken = profile["aws_session_token"];
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  }
  const command = profile["credential_process"];
  if (command !== undefined) return runCredentialProcess(name, command);
  const other = Object.keys(profile).find((key) => /^(sso_|role_arn|login_session)/.test(key));
  if (other === undefined) return undefined;
  throw new Failure(
    `profile "${name}" gets its credentials by ${other}: run the command with those of ` +
      `"aws configure export-credentials --profile ${name} --format env"`,
  );
}

/** As the AWS CLI defines it: a shell command that prints one JSON object, version 1. */
function runCredentialProcess(name: string, command: string): Credentials {
  try {
    const text = execFileSync(command, { shell: true, encoding: "utf8", timeout: processMsMax });
    const facts: unknown = JSON.parse(text);
    if (typeof facts !== "object" || facts === null) throw new Error("it prints no object");
    const textOf = (key: string): string | undefined => {
      const value: unknown = Reflect.get(facts, key);
      return typeof value === "string" ? value : undefined;
    };
    const [accessKeyId, secretAccessKey] = [textOf("AccessKeyId"), textOf("SecretAccessKey")];
    const sessionToken = textOf("SessionToken");
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      throw new Error("it prints no AccessKeyId and SecretAccessKey");
    }
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  } catch (error) {
    const [what = ""] = error instanceof Error ? error.message.split("\n") : [];
    throw new Failure(`credential_process of profile "${name}" failed: ${what}`);
  }
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
