// StartStreamEncryption and StopStreamEncryption. Cloudflare encrypts all that is stored with keys
// of its own; a KMS key is only stored and reported, so that tools find what they have set. Replies
// about records say KMS where the service does.
import { changeStreamNow } from "../currentStream.ts";
import { encryptionTypeInvalid } from "../errorTexts.ts";
import { operation } from "../operation.ts";
import { streamNamed } from "../resource.ts";
import { encryptionShape, keyIdShape, streamNameField, byArn } from "../shapes.ts";
import { required, structure } from "../shapeTypes.ts";

export const startStreamEncryption = operation({
  name: "StartStreamEncryption",
  input: structure({
    StreamName: streamNameField,
    EncryptionType: required(encryptionShape),
    KeyId: required(keyIdShape),
    ...byArn,
  }),
  resource: streamNamed,
  run: async (context, input) => {
    checkType(input.EncryptionType);
    await changeStreamNow(context, input, { kind: "encryption", kmsKeyId: input.KeyId });
    return undefined;
  },
});

export const stopStreamEncryption = operation({
  name: "StopStreamEncryption",
  input: structure({
    StreamName: streamNameField,
    EncryptionType: required(encryptionShape),
    KeyId: required(keyIdShape),
    ...byArn,
  }),
  resource: streamNamed,
  run: async (context, input) => {
    checkType(input.EncryptionType);
    await changeStreamNow(context, input, { kind: "encryption", kmsKeyId: null });
    return undefined;
  },
});

/** The type that is started or stopped (AWS API reference: "The only valid value is KMS"). */
function checkType(type: "NONE" | "KMS"): void {
  if (type !== "KMS") throw encryptionTypeInvalid(type);
}
