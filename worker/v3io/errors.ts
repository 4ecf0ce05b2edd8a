// The errors of the v3io face: name, number and status, and the body as real servers print it,
// indented by tabs. The number is an errno or a code of the streaming subsystem (−0x0C000000 − n);
// where no server's number is on record any negative one serves, and it is given here once.
// Sources: Iguazio web API reference, error information; replies captured in v3io-go.
import { StreamError } from "../errors.ts";

const table = {
  InvalidArgumentException: { code: -201326592, status: 400 },
  ShardIDOutOfRangeException: { code: -201326594, status: 400 },
  ResourceNotFoundException: { code: -201326595, status: 404 },
  ResourceInUseException: { code: -201326596, status: 409 },
  IllegalLocationException: { code: -201326597, status: 400 },
  ResourceIsnotStream: { code: -201326598, status: 400 },
  InvalidShardCountException: { code: -201326599, status: 400 },
  ProvisionedThroughputExceededException: { code: -201326600, status: 503 },
  InternalError: { code: -117440512, status: 500 },
  "Permission denied": { code: -13, status: 403 },
  "No such file or directory": { code: -2, status: 404 },
} as const;

export type V3ioErrorName = keyof typeof table;

export class V3ioError extends Error {
  override readonly name: V3ioErrorName;

  constructor(name: V3ioErrorName) {
    super(name);
    this.name = name;
  }
}

/** The dialect's name for a failure of the core; unknown errors are internal. */
export function v3ioErrorOf(error: unknown): V3ioError {
  if (error instanceof V3ioError) return error;
  if (!(error instanceof StreamError)) return new V3ioError("InternalError");
  switch (error.code) {
    case "streamNotFound":
    case "shardNotFound":
      return new V3ioError("ResourceNotFoundException");
    case "streamExists":
    case "streamNotActive":
      return new V3ioError("ResourceInUseException");
    case "locationNotFound":
      return new V3ioError("IllegalLocationException");
    case "shardClosed":
    case "overloaded":
      return new V3ioError("ProvisionedThroughputExceededException");
    case "tooLarge":
      return new V3ioError("InvalidArgumentException");
    case "tooManyShards":
      return new V3ioError("InvalidShardCountException");
    default:
      return new V3ioError("InternalError");
  }
}

/** A failed record within a reply of status 200. */
export function recordFailure(error: unknown): { ErrorCode: number; ErrorMessage: string } {
  const { name } = v3ioErrorOf(error);
  return { ErrorCode: table[name].code, ErrorMessage: name };
}

export function errorResponse(error: unknown): Response {
  const { name } = v3ioErrorOf(error);
  const { code, status } = table[name];
  const body = `{\n\t"ErrorCode": ${code},\n\t"ErrorMessage": ${JSON.stringify(name)}\n}`;
  return new Response(body, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
