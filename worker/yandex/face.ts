// The Yandex face: the requests of Yandex Data Streams over the same streams.
import type { Runtime } from "../env.ts";
import type { Scope } from "../stream/types.ts";

export const pingPath = "/Ping";

export async function serveYandex(
  _request: Request,
  _runtime: Runtime,
  _home: Scope,
): Promise<Response> {
  return new Response(null, { status: 400 });
}
