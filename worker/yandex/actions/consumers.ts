// The consumers of a stream: the same ones that Kinesis clients register. Source: YDB
// datastreams_proxy.cpp, error_codes_ut.cpp.
import { yandexConsumersMax } from "../../limits.ts";
import type { ConsumerDescription } from "../../core/types.ts";
import { addressIn, listMember } from "../context.ts";
import { requireListed, signPageToken, verifyPageToken } from "../iterator.ts";
import { issue } from "../errors.ts";
import { operation } from "../operation.ts";
import { integer, text, time } from "../shapeTypes.ts";

const pageMax = 10_000;
const nameBytesMax = 128;

export const registerStreamConsumer = operation({
  name: "RegisterStreamConsumer",
  input: { ConsumerName: text, StreamArn: text },
  stream: ({ StreamArn }) => StreamArn,
  run: async (context, input) => {
    const { scope, name } = await addressIn(context);
    const { ConsumerName: consumerName = "" } = input;
    if (consumerName === "") throw issue("validation", "Consumer name is empty");
    if (/[/|\p{Cc}]/u.test(consumerName) || Buffer.byteLength(consumerName) > nameBytesMax) {
      throw issue("argument", `Consumer name '${consumerName}' is not valid`);
    }
    const consumer = await context.backend.streams.registerConsumer(
      scope,
      name,
      consumerName,
      new Map(),
      yandexConsumersMax,
    );
    return { Consumer: describeConsumer(consumer) };
  },
});

export const deregisterStreamConsumer = operation({
  name: "DeregisterStreamConsumer",
  input: { ConsumerName: text, StreamArn: text, ConsumerArn: text },
  stream: ({ StreamArn }) => StreamArn,
  run: async (context, input) => {
    const consumer = { name: input.ConsumerName ?? "" };
    const { scope, name } = await addressIn(context, consumer.name);
    await context.backend.streams.deregisterConsumer(scope, name, consumer);
    return {};
  },
});

export const listStreamConsumers = operation({
  name: "ListStreamConsumers",
  input: {
    MaxResults: integer,
    NextToken: text,
    StreamArn: text,
    StreamCreationTimestamp: time,
  },
  stream: ({ StreamArn }) => StreamArn,
  run: async (context, input) => {
    const { backend, nowMs } = context;
    const { NextToken: token = "", StreamArn: arn = "", MaxResults: maxResults = 0 } = input;
    if (token !== "" && arn !== "") {
      throw issue("combination", "StreamArn and NextToken can not be provided together");
    }
    const { account } = context.database.scope;
    const last = token === "" ? undefined : await verifyPageToken(backend, account, token, nowMs);
    const page = last ?? { stream: await addressIn(context), alreadyRead: 0, maxResults };
    if (token !== "") await context.permit(page.stream);
    if (page.maxResults < 1 || page.maxResults > pageMax) {
      throw issue(
        "validation",
        `Requested max_result value '${page.maxResults}' is out of range [1, ${pageMax}]`,
      );
    }
    const { scope, name } = page.stream;
    const { uid, consumers } = (await backend.streams.refresh(scope, name)).description;
    if (last !== undefined) requireListed(last, { uid });
    const alreadyRead = page.alreadyRead + page.maxResults;
    return {
      ...(alreadyRead < consumers.length && {
        NextToken: await signPageToken(backend, { ...page, uid, alreadyRead }, nowMs),
      }),
      ...listMember(
        "Consumers",
        consumers.slice(page.alreadyRead, alreadyRead).map(describeConsumer),
      ),
    };
  },
});

function describeConsumer({ name, status, createdMs }: ConsumerDescription): object {
  return {
    ConsumerArn: "",
    ConsumerCreationTimestamp: createdMs / 1000,
    ConsumerName: name,
    ConsumerStatus: status,
  };
}
