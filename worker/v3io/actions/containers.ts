// The containers of v3io: those that the operator names, and no others, so that a misspelt name and
// the paths of other services store nothing. A container has no state of its own: it exists while
// the operator names it. Its objects are kept, and can be read again when it is named again. The
// list of them is XML, as v3io-py (output.py) and v3io-go (types.go, GetContainersOutput) read it.
import type { Backend } from "../../stream/backend.ts";
import { V3ioError } from "../errors.ts";
import { operation, requestOperation } from "../operation.ts";
import { json } from "../reply.ts";
import { escapeXml, xmlResponse } from "../listingXml.ts";

/** Containers are not created; clients require a date. */
const creationDate = "1970-01-01T00:00:00.00Z";

/** Throws "Container not found". */
export function requireContainer(backend: Backend, container: string): void {
  if (!backend.containers.includes(container)) throw new V3ioError("Container not found");
}

export const listContainers = requestOperation({
  name: "ListContainers",
  alias: "kinesis:ListStreams",
  read: async () => ({}),
  resource: () => ({ kind: "account" }),
  run: ({ backend }) => listingOf(backend.containers),
});

/** Clients call it before a parallel scan. Here one node serves all parts. */
export const getClusterMd = operation({
  name: "GetClusterMD",
  alias: undefined,
  read: () => ({}),
  resource: () => ({ kind: "account" }),
  run: () => json({ NumberOfVNs: 1 }),
});

function listingOf(containers: readonly string[]): Promise<Response> {
  const buckets = containers.map(
    (name, i) =>
      `<Bucket><Name>${escapeXml(name)}</Name><CreationDate>${creationDate}</CreationDate>` +
      `<Id>${i + 1}</Id></Bucket>`,
  );
  return xmlResponse(
    `<ListAllMyBucketsResult><Owner></Owner><Buckets>${buckets.join("")}</Buckets></ListAllMyBucketsResult>`,
  );
}
