import { expect, test } from "vitest";
import { KeyRing, type SigningCredential } from "../../../worker/auth/keyring.ts";

const credential: SigningCredential = {
  principal: { accessKeyId: "reader", account: "111122223333", allow: undefined },
  secretAccessKey: "secret",
  sessionToken: undefined,
};

/** As many regions as keys are kept. */
const keptMax = 1000;

function scopeOf(i: number) {
  return { date: "20260314", region: `region-${i}`, service: "kinesis" };
}

test("keys that were derived are kept, a thousand of them: the oldest goes for one more", () => {
  const keys = new KeyRing();
  const derive = (i: number) => keys.signingKey(credential, scopeOf(i));
  const kept = Array.from({ length: keptMax }, (_, i) => {
    const key = derive(i);
    keys.keepSigningKey(credential, scopeOf(i), key);
    return key;
  });
  expect(derive(0)).toBe(kept[0]);
  keys.keepSigningKey(credential, scopeOf(keptMax), derive(keptMax));
  expect(derive(0)).not.toBe(kept[0]);
  expect(derive(0)).toEqual(kept[0]);
  expect(derive(1)).toBe(kept[1]);
});
