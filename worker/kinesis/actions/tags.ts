// Tags: the older operations name a stream, the newer any resource by its ARN. Same store, same
// checks in the same order: the resource exists, the characters are allowed, there are not too many
// tags.
import type { TagChange } from "../../core/control.ts";
import type { Tags } from "../../core/control.ts";
import { isCode } from "../../errors.ts";
import type { ActionContext } from "../context.ts";
import { type TaggedResource, tooManyTags } from "../errorTexts.ts";
import { queueArn, resolveStream, type StreamReference } from "../names.ts";
import { type QueueResource, type Resource, resolveResource } from "../resource.ts";
import { checkTagText, textsOf } from "../tagText.ts";
import { operation } from "../operation.ts";
import { resourceNamed, streamNamed } from "../resource.ts";
import {
  tagKeyShape,
  tagsShape,
  tagKeysShape,
  streamNameField,
  byArn,
  byResource,
} from "../shapes.ts";
import { integer, required, structure } from "../shapeTypes.ts";

export const addTagsToStream = operation({
  name: "AddTagsToStream",
  input: structure({ Tags: required(tagsShape), StreamName: streamNameField, ...byArn }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: (context, input) => changeTags(context, streamResource(context, input), { put: input.Tags }),
});

export const removeTagsFromStream = operation({
  name: "RemoveTagsFromStream",
  input: structure({
    TagKeys: required(tagKeysShape),
    StreamName: streamNameField,
    ...byArn,
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: (context, input) =>
    changeTags(context, streamResource(context, input), { remove: input.TagKeys }),
});

export const listTagsForStream = operation({
  name: "ListTagsForStream",
  input: structure({
    Limit: integer(1, 50),
    ExclusiveStartTagKey: tagKeyShape,
    StreamName: streamNameField,
    ...byArn,
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: async (context, input) => {
    const { ExclusiveStartTagKey: after, Limit: limit } = input;
    const tags = listOf(await readTags(context, streamResource(context, input)));
    const left = after === undefined ? tags : tags.filter(({ Key }) => Key > after);
    const page = left.slice(0, limit ?? left.length);
    return { Tags: page, HasMoreTags: page.length < left.length };
  },
});

export const tagResource = operation({
  name: "TagResource",
  input: structure({ Tags: required(tagsShape), ...byResource }),
  resource: resourceNamed,
  run: (context, input) =>
    changeTags(context, resolveResource(input.ResourceARN), { put: input.Tags }),
});

export const untagResource = operation({
  name: "UntagResource",
  input: structure({ TagKeys: required(tagKeysShape), ...byResource }),
  resource: resourceNamed,
  run: (context, input) =>
    changeTags(context, resolveResource(input.ResourceARN), { remove: input.TagKeys }),
});

export const listTagsForResource = operation({
  name: "ListTagsForResource",
  input: structure(byResource),
  resource: resourceNamed,
  run: async (context, input) => ({
    Tags: listOf(await readTags(context, resolveResource(input.ResourceARN))),
  }),
});

async function changeTags(
  context: ActionContext,
  resource: Resource | QueueResource,
  change: TagChange,
): Promise<undefined> {
  const { put, remove = [] } = change;
  await readTags(context, resource);
  const named = taggedResource(resource);
  if (put !== undefined) checkTagText(textsOf(put), "add tags to", named);
  else checkTagText(remove, "remove tags from", named);
  const { streams, queues } = context.backend;
  try {
    if ("queue" in resource) {
      await queues.changeTags(resource.queue, resource.queue.id, change);
    } else await streams.changeTags(resource.stream, resource.key, change);
  } catch (error) {
    throw isCode(error, "tooManyTags") ? tooManyTags(named) : error;
  }
}

function taggedResource(resource: Resource | QueueResource): TaggedResource {
  if (!("queue" in resource)) return resource.stream;
  const { queue } = resource;
  return { kind: "queue", name: queueArn(queue), account: queue.account };
}

/** Throws if the resource does not exist. */
function readTags({ backend }: ActionContext, resource: Resource | QueueResource): Promise<Tags> {
  if ("queue" in resource) return backend.queues.readTags(resource.queue, resource.queue.id);
  return backend.streams.readTags(resource.stream, resource.key);
}

/** By key. */
function listOf(tags: Tags): { Key: string; Value: string }[] {
  const list = Array.from(tags, ([Key, Value]) => ({ Key, Value }));
  return list.sort((a, b) => (a.Key < b.Key ? -1 : 1));
}

function streamResource({ scope }: ActionContext, reference: StreamReference): Resource {
  const stream = resolveStream(reference, scope);
  return { stream, key: { stream: stream.name } };
}
