// Serves the small calls that the front sends by a WebSocket (http/gathered.ts). A page that is not small is not among the
// answers: the front would have to keep it while its client reads it, and with it those of all others. It is left
// here, unprinted, and sent when the client's request comes by itself.
import { utf8 } from "./codec/bytes.ts";
import type { Runtime } from "./core/bindings.ts";
import { tally } from "./core/tally.ts";
import { pageOrderHeader } from "./engine/pageOrder.ts";
import {
  answerKinds,
  AnswerSender,
  type GatheredRequest,
  printAnswer,
  printReply,
  readMembers,
} from "./http/gathered.ts";
import type { Incoming } from "./http/incoming.ts";
import { LeftReplies } from "./http/leftReplies.ts";
import { RecordPage } from "./http/recordPage.ts";
import type { Answer } from "./kinesis/envelope.ts";
import { send } from "./kinesis/face.ts";
import { leftRepliesBytesMax, leftReplyMsMax } from "./limits.ts";
import { isOnlyIsolate } from "./core/publishedTips.ts";
import { serve, serveMember } from "./serve.ts";
import { Attendant } from "./stream/attendant.ts";
import type { FrontPrinter } from "./stream/frontPrinter.ts";

const left = new LeftReplies<Answer>({
  bytesMax: leftRepliesBytesMax,
  msMax: leftReplyMsMax,
  patience: () => scheduler.wait(leftReplyMsMax),
});

/** What asks the front for a body that it keeps (http/keptBody.ts). */
export type OpenKept = (call: GatheredRequest) => Incoming;

/** Answers what the front sends by a WebSocket, as long as that is open. */
export function openChannel(request: Runtime, openKept: OpenKept): Response {
  const runtime = { ...request, isLasting: true };
  const { 0: client, 1: socket } = new WebSocketPair();
  socket.binaryType = "arraybuffer";
  socket.accept();
  const sender = new AnswerSender((bytes) => {
    // The front may be gone.
    if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
  });
  socket.addEventListener("message", ({ data }) => {
    if (!(data instanceof ArrayBuffer)) throw new Error("the front has sent no bytes");
    const members = readMembers(data);
    tally.gatheredRequests += members.length;
    for (const member of members) void answer(member.number, openKept(member), runtime, sender);
  });
  const attendant = isOnlyIsolate(runtime.env) ? new Attendant(runtime.env) : undefined;
  socket.addEventListener("close", () => attendant?.stop());
  return new Response(null, { status: 101, webSocket: client });
}

async function answer(
  number: number,
  member: Incoming,
  runtime: Runtime,
  sender: AnswerSender,
): Promise<void> {
  sender.add(await answerMember(member, number, runtime));
}

async function answerMember(member: Incoming, i: number, runtime: Runtime): Promise<Uint8Array> {
  try {
    const answered = await serveMember(member, runtime, (answer, headers, front) =>
      printMember(i, answer, headers, front, runtime),
    );
    if (answered === undefined) return printAnswer(i, answerKinds.alone, "");
    return answered instanceof Response ? await printResponse(i, answered) : answered;
  } catch (error) {
    console.error("a gathered request failed", error);
    const headers = { "content-type": "text/plain", "cache-control": "no-store" };
    return printReply(i, 500, headers, utf8("Internal Server Error\n"));
  }
}

/** A reply that is not long. */
async function printResponse(i: number, response: Response): Promise<Uint8Array> {
  const { status, statusText, headers } = response;
  const body = new Uint8Array(await response.arrayBuffer());
  return printReply(i, status, Object.fromEntries(headers), body, statusText || undefined);
}

async function printMember(
  i: number,
  answer: Answer,
  headers: Record<string, string>,
  front: FrontPrinter | undefined,
  runtime: Runtime,
): Promise<Uint8Array> {
  const { status, body } = answer;
  if (body instanceof Uint8Array) return printReply(i, status, headers, body);
  if (!(body instanceof RecordPage)) throw new Error("a gathered request has an endless reply");
  const small = body.printSmall();
  if (small !== undefined) return printReply(i, status, headers, small);
  const order = front?.order(body);
  if (order !== undefined) {
    return printReply(i, status, { ...headers, [pageOrderHeader]: "1" }, utf8(order));
  }
  const bytes = body.runs.reduce((sum, { chunk }) => sum + chunk.length, 0);
  const name = await left.leave({ ...answer, headers }, bytes, Date.now);
  // A read may be done twice.
  if (name === undefined) return printAnswer(i, answerKinds.alone, "");
  runtime.waitUntil(forgetLater());
  return printAnswer(i, answerKinds.left, name);
}

/** Until then somebody looks for replies that nobody has come for. */
let watchedUntilMs = 0;

async function forgetLater(): Promise<void> {
  if (Date.now() < watchedUntilMs) return;
  while (left.count > 0) {
    // Whoever waits here may end without a word.
    watchedUntilMs = Date.now() + 2 * leftReplyMsMax;
    await scheduler.wait(leftReplyMsMax);
    left.forgetOld(Date.now());
  }
  watchedUntilMs = 0;
}

/** The reply that was left under this name; if it is gone, the request is served anew. */
export async function serveLeft(
  request: Request,
  name: string,
  runtime: Runtime,
): Promise<Response> {
  const answer = left.take(name);
  // What is wrong with sending it, a second look will tell in the dialect's form.
  const reply = answer && (await send(answer).catch(() => undefined));
  if (reply === undefined) return await serve(request, runtime);
  await request.arrayBuffer();
  return reply;
}
