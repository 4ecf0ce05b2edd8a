// Finds the operation of a request. A header names functions. A request without that header is
// about a container or an object, and its HTTP method decides. Sources: Iguazio web API reference;
// v3io-py request.py.
import { getClusterMd, listContainers } from "./actions/containers.ts";
import { getItem, getItems, putItem, updateItem } from "./actions/items.ts";
import { deleteObject, getObject, listObjects, putObject } from "./actions/objects.ts";
import { putRecords } from "./actions/put.ts";
import { getRecords, seek, seekShard } from "./actions/read.ts";
import { createStream, deleteStream, describeStream, updateStream } from "./actions/streams.ts";
import { invalid } from "./errors.ts";
import { type Address, placeAt } from "./names.ts";
import type { ActionContext, Operation } from "./operation.ts";
import { streamAt } from "./places.ts";

const functions = [
  createStream,
  describeStream,
  getClusterMd,
  getItem,
  getItems,
  getRecords,
  putItem,
  putRecords,
  seek,
  seekShard,
  updateItem,
  updateStream,
] as const;

const verbs = [
  deleteObject,
  deleteStream,
  getObject,
  listContainers,
  listObjects,
  putObject,
] as const;

const functionsByName = new Map<string, Operation>(functions.map((each) => [each.name, each]));

/** All there are. */
export const operations = [...functions, ...verbs] as const;

export type OperationName = (typeof operations)[number]["name"];

/** Throws V3ioError for an unknown function. */
export function operationOfFunction(name: string): Operation {
  const found = functionsByName.get(name);
  if (found === undefined) throw invalid();
  return found;
}

/**
 * A stream is removed by deleting its directory. Throws V3ioError for a verb that has no meaning.
 */
export async function operationOfVerb(
  method: string,
  address: Address,
  { backend, scope }: Pick<ActionContext, "backend" | "scope">,
): Promise<Operation> {
  const isContainer = address.path.length === 0;
  switch (method) {
    case "GET":
      return isContainer ? listObjects : getObject;
    case "HEAD":
      return getObject;
    case "PUT":
    case "POST":
      return putObject;
    case "DELETE":
      if (isContainer) return deleteObject;
      return (await streamAt(backend, scope, placeAt(address))) === undefined
        ? deleteObject
        : deleteStream;
    default:
      throw invalid();
  }
}
