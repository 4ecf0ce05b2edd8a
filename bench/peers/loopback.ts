// Preloaded into emulators that would listen on every address of the machine: whatever address they
// ask for, they listen on loopback.

import { Server } from "node:net";

type Listen = (this: Server, options: object, done?: unknown) => Server;

const prototype = Server.prototype as unknown as { listen: Listen };
const { listen } = prototype;

prototype.listen = function (...args: unknown[]): Server {
  const [first] = args;
  const options = typeof first === "object" ? first : { port: first };
  const done = args.find((each) => typeof each === "function");
  return listen.call(this, { ...options, host: "127.0.0.1" }, done);
};
