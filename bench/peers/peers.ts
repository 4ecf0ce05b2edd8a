// Measures Millrace and its peers in one run, on one machine, with equal work: the same records,
// pages, batches and connections, one load after the other in interleaved rounds. Their
// acknowledgements promise different things, so the output names these. The emulators of Kinesis
// get the same requests; Redis and NATS the most similar ones in their own protocols.

import { type HttpOptions, planEffort } from "../http/http.ts";
import { type FloorServer, startFloors } from "../tools/floors.ts";
import { type Load, measureLoads } from "../tools/load.ts";
import { contests } from "./loads.ts";
import { type Found, findPeers, type Peer } from "./servers.ts";
import { makeDataFolder } from "../tools/process.ts";
import type { Progress } from "../tools/progress.ts";
import { floorSubject, type PeerRow, type PeersBench, versionOf } from "../report/results.ts";

interface Measured {
  loads: Load[];
  /** Of the data that was read back; a floor has none. */
  hash?: string;
}

/** Two megabytes: among them are the records that Millrace has not sealed yet. */
const unreadRecords = 2000;

/** Whose rows say what the platform asks for by itself. */
const floor = {
  name: floorSubject,
  version: versionOf("workerd"),
  durability:
    "a row that an object commits for a message of a WebSocket, with nothing around it: the floor of Millrace's rows",
};

export async function benchPeers(options: HttpOptions, progress: Progress): Promise<PeersBench> {
  const found = findPeers();
  const present = found.filter((peer): peer is Peer => "start" in peer);
  await using servers = new AsyncDisposableStack();
  const entries = new Map<string, Measured>();
  for (const { name, start, enter } of present) {
    progress(`peers: starting and filling ${name}`);
    const folder = servers.use(makeDataFolder(options.dataParent));
    const server = servers.use(await start(folder.path));
    const unread = name.startsWith("millrace") ? unreadRecords : 0;
    const size = options.quick
      ? { pages: 2, limit: 50, unread }
      : { pages: 4, limit: 1000, unread };
    const entry = await enter(name, server.address, size);
    for (const load of entry.loads) load.pids = server.pids ?? [server.pid];
    entries.set(name, entry);
  }
  entries.set(floor.name, {
    loads: listFloors(servers.use(await startFloors(options.dataParent))),
  });
  const rows = await measureEntries(entries, options, progress);
  const named = [...present, floor];
  return {
    rows,
    durability: Object.fromEntries(named.map((peer) => [peer.name, peer.durability])),
    versions: Object.fromEntries(named.map((peer) => [peer.name, peer.version])),
    missing: listMissing(found),
    hash: hashOf(entries),
  };
}

/** Contest by contest, so that those who are compared follow one another. */
async function measureEntries(
  entries: Map<string, Measured>,
  options: HttpOptions,
  progress: Progress,
): Promise<PeerRow[]> {
  const subjects = new Map<string, string>();
  const all = [...entries].flatMap(([name, { loads }]) => {
    for (const { id } of loads) subjects.set(id, name);
    return loads;
  });
  const order = Object.keys(contests);
  const loads = all.toSorted((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
  const effort = planEffort(options, loads.length);
  const rows = await measureLoads(loads, effort, (what, part) =>
    progress(`peers: ${Math.round(part * 100)}% ${what}`),
  );
  return rows.map((row) => Object.assign(row, { subject: subjects.get(row.id) ?? "" }));
}

function listMissing(found: readonly Found[]): Record<string, string> {
  return Object.fromEntries(
    found.flatMap((peer) => ("missing" in peer ? [[peer.name, peer.missing]] : [])),
  );
}

/** The nearest thing to each contest's work that Millrace could not do without. */
function listFloors(floors: FloorServer): Load[] {
  const { page, idle, batch, single, alone } = contests;
  const kinds = [
    [page, "page"],
    [idle, "message"],
    [batch, "messageBatch"],
    [single, "messageRow"],
    [alone, "messageRow"],
  ] as const;
  return kinds.map(([{ id, title, connections }, kind]) =>
    Object.assign(floors.load(kind, id, connections), { title }),
  );
}

/** Throws unless all servers returned the same records. */
function hashOf(entries: Map<string, Measured>): string {
  const hashes = new Set([...entries.values()].flatMap(({ hash }) => hash ?? []));
  const [first = ""] = hashes;
  if (hashes.size > 1) {
    const list = [...entries].map(([name, { hash }]) => `${name} ${hash}`);
    throw new Error(`not the same records: ${list.join(", ")}`);
  }
  return first;
}
