// A program that passes bytes between its clients and one server, and checks nothing: the least that a
// process of Node in front of workerd can cost. It is told the server's port and prints its own address.

import { type AddressInfo, connect, createServer } from "node:net";

const host = "127.0.0.1";
const bufferBytes = 256 << 10;
const port = Number(process.argv[2]);

const server = createServer({ noDelay: true }, (client) => {
  let isWaiting = false;
  const goOn = () => {
    if (isWaiting) upstream.resume();
    isWaiting = false;
  };
  const onread = {
    buffer: Buffer.allocUnsafeSlow(bufferBytes),
    callback(byteCount: number, buffer: Uint8Array): boolean {
      client.write(buffer.subarray(0, byteCount), goOn);
      isWaiting = client.writableLength > 0;
      return !isWaiting;
    },
  };
  const upstream = connect({ host, port, noDelay: true, onread });
  client.pipe(upstream);
  client.on("error", () => upstream.destroy()).once("close", () => upstream.destroy());
  upstream.on("error", () => client.destroy()).once("close", () => client.destroy());
});

server.listen(0, host, () => {
  console.log(`http://${host}:${(server.address() as AddressInfo).port} passes bytes on`);
});
