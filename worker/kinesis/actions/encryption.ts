// StartStreamEncryption and StopStreamEncryption. Cloudflare encrypts all that is stored with keys of
// its own; a KMS key is kept and reported, so that tools which manage it find what they have set, and
// is used for nothing. Replies about records say KMS where the service's would.
import type { Action } from "../context.ts";
import { changeStreamNow } from "../currentStream.ts";
import { encryptionTypeInvalid } from "../errorTexts.ts";

export const startStreamEncryption: Action<"StartStreamEncryption"> = async (context, input) => {
  checkType(input.EncryptionType);
  await changeStreamNow(context, input, { kind: "encryption", kmsKeyId: input.KeyId });
  return undefined;
};

export const stopStreamEncryption: Action<"StopStreamEncryption"> = async (context, input) => {
  checkType(input.EncryptionType);
  await changeStreamNow(context, input, { kind: "encryption", kmsKeyId: null });
  return undefined;
};

/** The type that is started or stopped (AWS API reference: "The only valid value is KMS"). */
function checkType(type: "NONE" | "KMS"): void {
  if (type !== "KMS") throw encryptionTypeInvalid(type);
}
