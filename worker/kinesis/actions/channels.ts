// Channels carry records from a stream to Amazon S3, which is not here. Every operation says so, in an
// error of the kind that it is documented to answer with.
import type { Action } from "../context.ts";
import { channelNotFound, channelsUnavailable } from "../errorTexts.ts";

export const createChannel: Action<"CreateChannel"> = async () => {
  throw channelsUnavailable();
};

export const listChannels: Action<"ListChannels"> = async () => {
  throw channelsUnavailable();
};

export const deleteChannel: Action<"DeleteChannel"> = async (_, { ChannelARN }) => {
  throw channelNotFound(ChannelARN);
};

export const describeChannel: Action<"DescribeChannel"> = async (_, { ChannelARN }) => {
  throw channelNotFound(ChannelARN);
};

export const updateChannel: Action<"UpdateChannel"> = async (_, { ChannelARN }) => {
  throw channelNotFound(ChannelARN);
};
