/**
 * A certificate for this machine's own names, made at the first start with TLS and kept in the data
 * folder. It is signed by a certificate authority that is made for it and whose key is thrown away
 * at once: whoever trusts the authority trusts this one certificate and no other. A certificate that
 * lacks a name of the server, or is about to expire, is replaced, and its authority with it.
 *
 *   tls/ca.pem           what clients trust
 *   tls/certificate.pem  what the server shows
 *   tls/key.pem          its key, for the owner only
 */
import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import type { pki } from "node-forge";
import { makeFolder } from "./disk.ts";
import { Failure, errorCode, messageOf } from "./failure.ts";
import type { Identity } from "./tlsLayer.ts";

/** Apple's systems accept no longer ones (support.apple.com/HT211025). */
const validDays = 800;
const renewBeforeDays = 30;
const dayMs = 24 * 60 * 60 * 1000;

/** RSA, because every client takes it. */
const keyBits = 2048;

const ownNames = ["localhost", "127.0.0.1", "::1"];

export interface OwnIdentity extends Identity {
  /** The file that clients trust, and its text. */
  caFile: string;
  ca: string;
}

/** The certificate that is kept in the folder, for the usual names and these; made if necessary. */
export async function keepCertificate(
  dataFolder: string,
  otherNames: readonly string[],
): Promise<OwnIdentity> {
  const folder = join(dataFolder, "tls");
  const names = [...new Set([...ownNames, ...otherNames])];
  const caFile = join(folder, "ca.pem");
  const files = { ca: caFile, cert: join(folder, "certificate.pem"), key: join(folder, "key.pem") };
  if (Object.values(files).every((file) => existsSync(file))) {
    const kept = {
      ca: readFileSync(files.ca, "utf8"),
      cert: readFileSync(files.cert, "utf8"),
      key: readFileSync(files.key, "utf8"),
    };
    if (isGood(kept, names)) return { ...kept, caFile };
  }
  const made = await makeCertificate(names);
  makeFolder(folder);
  // The last one is written last: without it all three are made again.
  rmSync(files.cert, { force: true });
  writeWhole(files.ca, made.ca);
  writeWhole(files.key, made.key);
  writeWhole(files.cert, made.cert);
  return { ...made, caFile };
}

/** Reads the files of --cert and --key. Throws a Failure that names the wrong one. */
export function readCertificate(certFile: string, keyFile: string): Identity {
  const identity = { cert: readText("--cert", certFile), key: readText("--key", keyFile) };
  try {
    createSecureContext(identity);
    return identity;
  } catch (error) {
    const what = `--cert ${certFile} and --key ${keyFile} do not make a certificate`;
    throw new Failure(`${what} (${messageOf(error)}): pass PEM files that belong together`, 2);
  }
}

function readText(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure(`${flag} ${file} cannot be read (${errorCode(error)})`, 2);
  }
}

function isGood({ cert, key, ca }: Identity & { ca: string }, names: string[]): boolean {
  try {
    const certificate = new X509Certificate(cert);
    createSecureContext({ cert, key });
    return (
      certificate.checkIssued(new X509Certificate(ca)) &&
      Date.parse(certificate.validTo) > Date.now() + renewBeforeDays * dayMs &&
      names.every((name) =>
        isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name),
      )
    );
  } catch {
    return false;
  }
}

async function makeCertificate(names: string[]): Promise<Identity & { ca: string }> {
  const { default: forge } = await import("node-forge");
  const authority = forge.pki.createCertificate();
  const authorityKeys = makeKeys(forge.pki);
  const keys = makeKeys(forge.pki);
  const subject = [{ name: "commonName", value: "Millrace local authority" }];
  describe(authority, authorityKeys.publicKey);
  authority.setSubject(subject);
  authority.setIssuer(subject);
  authority.setExtensions([
    { name: "basicConstraints", critical: true, cA: true, pathLenConstraint: 0 },
    { name: "keyUsage", critical: true, keyCertSign: true, cRLSign: true },
    { name: "subjectKeyIdentifier" },
  ]);
  authority.sign(authorityKeys.privateKey, forge.md.sha256.create());
  const certificate = forge.pki.createCertificate();
  describe(certificate, keys.publicKey);
  certificate.setSubject([{ name: "commonName", value: "Millrace local server" }]);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: "basicConstraints", critical: true, cA: false },
    { name: "keyUsage", critical: true, digitalSignature: true, keyEncipherment: true },
    { name: "extKeyUsage", serverAuth: true },
    { name: "subjectKeyIdentifier" },
    {
      name: "authorityKeyIdentifier",
      keyIdentifier: authority.generateSubjectKeyIdentifier().getBytes(),
    },
    {
      name: "subjectAltName",
      altNames: names.map((name) =>
        isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name },
      ),
    },
  ]);
  certificate.sign(authorityKeys.privateKey, forge.md.sha256.create());
  return {
    ca: plainLines(forge.pki.certificateToPem(authority)),
    cert: plainLines(forge.pki.certificateToPem(certificate)),
    key: keys.pem,
  };
}

/** Keys of Node's making: node-forge's own take seconds. */
function makeKeys({ privateKeyFromPem, publicKeyFromPem }: typeof pki) {
  const { privateKey: pem, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: keyBits,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  return { pem, privateKey: privateKeyFromPem(pem), publicKey: publicKeyFromPem(publicKey) };
}

function describe(certificate: pki.Certificate, publicKey: pki.PublicKey): void {
  certificate.publicKey = publicKey;
  // A positive number of 16 bytes (RFC 5280, section 4.1.2.2).
  certificate.serialNumber = `01${randomBytes(15).toString("hex")}`;
  // An hour back, for clients whose clock is a little late.
  certificate.validity.notBefore = new Date(Date.now() - dayMs / 24);
  certificate.validity.notAfter = new Date(Date.now() + validDays * dayMs);
}

function plainLines(pem: string): string {
  return pem.replaceAll("\r\n", "\n");
}

function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.draft`, text, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
}
