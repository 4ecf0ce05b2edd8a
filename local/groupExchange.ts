/**
 * Sends calls to workerd in one request, and hands each its answer (worker/http/gathered.ts). Answers that come later
 * than others are passed on then.
 */
import { answerHeadBytes, type AnswerKind, answerKinds } from "../worker/http/gathered.ts";
import type { ReplyHead } from "./replyReader.ts";
import type { SmallCall } from "./smallCalls.ts";
import type { Exchange, UpstreamConnection } from "./upstreamConnection.ts";

const nothing = Buffer.alloc(0);
const nothingToDo = () => {};

export class GroupExchange implements Exchange {
  readonly method = "POST";
  readonly #message: Buffer;
  /** Undefined where the answer has come. */
  readonly #calls: (SmallCall | undefined)[];
  readonly #answered: () => void;
  readonly #lineOf: (name: string) => string;
  /** The beginning of an answer that has not come whole. */
  #held = nothing;
  #isFine = false;

  /**
   * `answered` is called when something was answered, or nothing will be; `lineOf` makes the line of a head by which a
   * reply that was left is found.
   */
  constructor(
    calls: readonly SmallCall[],
    message: Buffer,
    answered: () => void,
    lineOf: (name: string) => string,
  ) {
    this.#calls = [...calls];
    this.#message = message;
    this.#answered = answered;
    this.#lineOf = lineOf;
  }

  begun(connection: UpstreamConnection): void {
    connection.finishRequest();
    connection.write([this.#message]);
  }

  drained(): void {}

  head({ status }: ReplyHead): void {
    this.#isFine = status === 200;
  }

  body(bytes: Buffer, giveBack: () => void): void {
    const own = Buffer.concat([this.#held, bytes]);
    giveBack();
    if (this.#isFine) this.#read(own);
    this.#answered();
  }

  end(): void {
    this.lost();
  }

  lost(): void {
    for (const call of this.#calls.splice(0)) call?.lose();
    this.#answered();
  }

  #read(bytes: Buffer): void {
    let at = 0;
    while (bytes.length - at >= answerHeadBytes) {
      const from = at + answerHeadBytes;
      const end = from + bytes.readUint32LE(at + 8);
      if (end > bytes.length) break;
      const member = bytes.readUint32LE(at);
      const call = this.#calls[member];
      this.#calls[member] = undefined;
      const kind = bytes.readUint32LE(at + 4) as AnswerKind;
      if (call !== undefined) this.#answer(call, kind, bytes.subarray(from, end));
      at = end;
    }
    this.#held = bytes.subarray(at);
  }

  #answer(call: SmallCall, kind: AnswerKind, bytes: Buffer): void {
    if (kind === answerKinds.reply) call.take(bytes);
    else if (kind === answerKinds.alone) call.sendAlone(nothingToDo);
    else call.sendAlone(nothingToDo, this.#lineOf(bytes.toString("latin1")));
  }
}
