// The reply of a page of records. It is printed when there is memory to send it, here, or by the front
// if that holds its chunks (stream/frontPrinter.ts).
import { type Outgoing, RecordText } from "../engine/recordText.ts";
import { replyBytesMin } from "../limits.ts";
import { pageOrderHeader } from "../engine/pageOrder.ts";
import type { FrontPrinter } from "../stream/frontPrinter.ts";
import { isSentWhole, respond, send } from "./reply.ts";

/** How a page is sent. */
export interface PageSending {
  init?: ResponseInit;
  /**
   * The name of a header for the CRC-32 of the text. A page that is printed while it is sent is
   * printed twice for it.
   */
  checksumHeader?: string;
  /** Who may print it instead. */
  front?: FrontPrinter | undefined;
}

/** A reply of records that is printed when it is sent, and not before. */
export class RecordPage extends RecordText {
  respond({ init, checksumHeader, front }: PageSending = {}): Promise<Response> {
    const small = checksumHeader === undefined ? this.printSmall() : undefined;
    if (small !== undefined) return respond(small, init);
    const order = front?.order(this, checksumHeader);
    if (order !== undefined) return Promise.resolve(respondWithOrder(order, init));
    return send(this.memoryBytes, () => this.prepare(checksumHeader), init);
  }

  private prepare(checksumHeader: string | undefined): Outgoing {
    return this.make(checksumHeader, isSentWhole(this.bytesMin));
  }

  /**
   * The text of a small reply, in the engine's memory; undefined if it is none. Polls at the tip are the most frequent
   * pages.
   */
  printSmall(): Uint8Array | undefined {
    if (this.bytesLikely >= replyBytesMin) return undefined;
    const [text, more] = this.print();
    const isSmall = more === undefined && text !== undefined && text.length < replyBytesMin;
    return isSmall ? text : undefined;
  }
}

function respondWithOrder(order: string, init: ResponseInit | undefined): Response {
  const response = new Response(order, init);
  response.headers.set(pageOrderHeader, "1");
  return response;
}
