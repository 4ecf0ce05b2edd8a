// What belongs to an account in one region rather than to a stream: what it uses, its settings, the
// rates of its calls, and the key that authenticates its cursors.
import type { Env } from "../core/bindings.ts";
import type { AccountTotals, Commitment } from "../core/control.ts";
import { unwrap } from "../core/rpc.ts";
import { readSettings } from "../core/settings.ts";
import type { Scope } from "../core/types.ts";
import { cursorKeyOf, findCursorKey, findCursorKeyBeside, writtenCatalogOf } from "./directory.ts";

export class Accounts {
  private readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  /** How much the account uses, and its commitment to a throughput if it made one. */
  async describe(scope: Scope): Promise<{ totals: AccountTotals; commitment?: Commitment }> {
    return unwrap(await writtenCatalogOf(this.env, scope).account());
  }

  /** Begins a commitment, or ends it. */
  async commit(scope: Scope, wanted: boolean): Promise<{ commitment?: Commitment }> {
    return unwrap(await writtenCatalogOf(this.env, scope).commitAccount(wanted));
  }

  /**
   * True if the rate allows one more call of this kind in this second; always where the service's
   * limits do not apply (core/settings.ts).
   */
  async takePermit(scope: Scope, kind: string, perSecond: number): Promise<boolean> {
    if (readSettings(this.env).limits === "none") return true;
    return writtenCatalogOf(this.env, scope).takePermit(kind, perSecond);
  }

  /** The key that authenticates the scope's cursors, for signing; created if there is none. */
  cursorKey(scope: Scope): Promise<string> {
    return cursorKeyOf(this.env, scope);
  }

  /** The same key, for checking; undefined if it was never created. Then no cursor can be valid. */
  findCursorKey(scope: Scope): Promise<string | undefined> {
    return findCursorKey(this.env, scope);
  }

  /** As `findCursorKey`, in one call with the description of a stream that is probably needed next. */
  findCursorKeyBeside(scope: Scope, likelyName: () => string): Promise<string | undefined> {
    return findCursorKeyBeside(this.env, scope, likelyName);
  }
}
