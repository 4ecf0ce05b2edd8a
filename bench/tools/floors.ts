// Floors: what the platform asks for a request that does nothing of its own, as loads beside those of Millrace, in the
// same run. A workerd of its own serves them: an empty Worker, an empty call of an object, an object that
// commits one row of a record's size, many objects that commit a part of it each, a copy of a page, and a page that is
// only sent. Some of them also by a message of a WebSocket, where objects are called by memory: the shortest way that
// is known.

import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { buildWorker } from "../../local/build.ts";
import { startRuntime } from "../../local/runtime.ts";
import { makeMessage } from "../http/kinesis.ts";
import type { Load, LoadName } from "./load.ts";
import { makeDataFolder } from "./process.ts";
import { type Address, HttpConnection } from "./wire.ts";

const floors = {
  worker: { title: "floor: an empty Worker", path: "/worker", bodyBytes: 0 },
  object: { title: "floor: an empty call of an object", path: "/object", bodyBytes: 0 },
  row: { title: "floor: an object commits a row of 1 KiB", path: "/row", bodyBytes: 1024 },
  batch: { title: "floor: an object commits a row of 512 KiB", path: "/row", bodyBytes: 1 << 19 },
  spread: {
    title: "floor: 16 objects commit a row of 32 KiB each",
    path: "/spread",
    bodyBytes: 1 << 19,
  },
  message: {
    title: "floor: an empty message of a WebSocket",
    path: "/",
    bodyBytes: 1,
    isMessage: true,
  },
  messageRow: {
    title: "floor: a message, an object commits a row of 1 KiB",
    path: "/row",
    bodyBytes: 1024,
    isMessage: true,
  },
  messageBatch: {
    title: "floor: a message, an object commits a row of 512 KiB",
    path: "/row",
    bodyBytes: 1 << 19,
    isMessage: true,
  },
  messageSpread: {
    title: "floor: a message, 16 objects commit a row of 32 KiB each",
    path: "/spread",
    bodyBytes: 1 << 19,
    isMessage: true,
  },
  copy: { title: "floor: a Worker copies 1.43 MB", path: "/copy", bodyBytes: 0 },
  page: { title: "floor: a Worker sends 1.43 MB", path: "/page", bodyBytes: 0 },
} as const satisfies Record<string, Floor>;

interface Floor {
  title: string;
  path: string;
  bodyBytes: number;
  /** By a WebSocket. */
  isMessage?: boolean;
}

export type FloorKind = keyof typeof floors;

export interface FloorServer extends AsyncDisposable {
  /** The load of a floor, which stands in a group of loads. */
  load(kind: FloorKind, group: string, connections: number): Load;
}

const recordBytes = 1024;

export async function startFloors(dataParent?: string): Promise<FloorServer> {
  const folder = makeDataFolder(dataParent);
  const scratch = join(folder.path, "tmp");
  mkdirSync(scratch);
  const entry = join(import.meta.dirname, "floorWorker.ts");
  const pids: number[] = [];
  const runtime = await startRuntime({
    modules: await buildWorker(entry, join(folder.path, "build")),
    folder: { path: folder.path, scratch },
    objects: { FLOOR: "Floor" },
    onStart: (pid) => pids.push(pid),
  });
  return {
    load: (kind, group, connections) => {
      const { title } = floors[kind];
      const name = {
        id: `${group} ${connections} ${title}`,
        group,
        title,
        recordBytes,
        connections,
      };
      return { ...floorLoad(runtime, name, kind), pids };
    },
    async [Symbol.asyncDispose]() {
      await runtime.dispose();
      folder[Symbol.dispose]();
    },
  };
}

function floorLoad(address: Address, name: LoadName, kind: FloorKind): Load {
  const { path, bodyBytes, isMessage = false }: Floor = floors[kind];
  if (isMessage) return messageLoad(address, name, path, bodyBytes);
  const request = makeMessage(address, path, {}, new Uint8Array(bodyBytes));
  const moved = { records: bodyBytes / recordBytes, dataBytes: bodyBytes };
  return {
    ...name,
    async open() {
      const opening = Array.from({ length: name.connections }, () => HttpConnection.open(address));
      const connections = await Promise.all(opening);
      return {
        workers: connections.map((connection) => async () => {
          const { status } = await connection.exchange(request);
          if (status !== 200) throw new Error(`${name.title}: status ${status}`);
          return moved;
        }),
        async close() {
          for (const connection of connections) connection.close();
        },
      };
    },
  };
}

function messageLoad(
  { host, port }: Address,
  name: LoadName,
  path: string,
  bodyBytes: number,
): Load {
  const body = new Uint8Array(bodyBytes);
  const moved = { records: Math.floor(bodyBytes / recordBytes), dataBytes: bodyBytes };
  return {
    ...name,
    async open() {
      const url = `ws://${host}:${port}${path}`;
      const options = { perMessageDeflate: false, generateMask: (mask: Buffer) => mask.fill(0) };
      const sockets = Array.from({ length: name.connections }, () => new WebSocket(url, options));
      await Promise.all(sockets.map((socket) => once(socket, "open")));
      return {
        workers: sockets.map((socket) => async () => {
          const answered = once(socket, "message");
          socket.send(body);
          await answered;
          return moved;
        }),
        async close() {
          for (const socket of sockets) socket.close();
        },
      };
    },
  };
}
