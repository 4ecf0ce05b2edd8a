// Policies of streams, consumers and queues: which callers of other accounts may do what. A policy
// is stored as it was sent, if auth/resourcePolicy.ts can parse it; permission.ts applies it at
// every request.
import { findPolicyProblem } from "../../auth/resourcePolicy.ts";
import { isCode } from "../../errors.ts";
import { getConsumer } from "../../catalog/consumers.ts";
import type { ActionContext } from "../context.ts";
import { KinesisError } from "../errors.ts";
import { policyNotFound } from "../errorTexts.ts";
import { arnOf, type QueueResource, type Resource, resolveResource } from "../resource.ts";
import { operation } from "../operation.ts";
import { resourceNamed } from "../resource.ts";
import { byResource } from "../shapes.ts";
import { required, structure, text } from "../shapeTypes.ts";

/** What a resource without a policy answers (tested against the service: localstack#12961). */
const noPolicy = "{}";

export const putResourcePolicy = operation({
  name: "PutResourcePolicy",
  input: structure({ ...byResource, Policy: required(text()) }),
  resource: resourceNamed,
  isOfPolicy: true,
  run: async (context, input) => {
    const { ResourceARN: arn, Policy: policy } = input;
    const resource = resolveResource(arn);
    const problem = findPolicyProblem(policy, arnOf(resource));
    if (problem !== undefined) throw new KinesisError("InvalidArgumentException", problem);
    await changePolicy(context, resource, policy);
    return undefined;
  },
});

export const getResourcePolicy = operation({
  name: "GetResourcePolicy",
  input: structure(byResource),
  resource: resourceNamed,
  isOfPolicy: true,
  run: async (context, input) => {
    const resource = resolveResource(input.ResourceARN);
    if ("queue" in resource) {
      const queue = await context.backend.queues.refresh(resource.queue, resource.queue.id);
      return { Policy: queue.policy ?? noPolicy };
    }
    const { stream, key } = resource;
    const { description } = await context.backend.streams.refresh(stream, stream.name);
    const holder =
      key.consumer === undefined ? description : getConsumer(description, key.consumer);
    return { Policy: holder.policy ?? noPolicy };
  },
});

export const deleteResourcePolicy = operation({
  name: "DeleteResourcePolicy",
  input: structure(byResource),
  resource: resourceNamed,
  isOfPolicy: true,
  run: async (context, input) => {
    const arn = input.ResourceARN;
    try {
      await changePolicy(context, resolveResource(arn), null);
    } catch (error) {
      const isMissing = isCode(error, "policyNotFound");
      throw isMissing ? policyNotFound(arn) : error;
    }
    return undefined;
  },
});

async function changePolicy(
  { backend }: ActionContext,
  resource: Resource | QueueResource,
  policy: string | null,
): Promise<void> {
  if ("queue" in resource) {
    return backend.queues.changePolicy(resource.queue, resource.queue.id, policy);
  }
  await backend.streams.changePolicy(resource.stream, resource.key, policy);
}
