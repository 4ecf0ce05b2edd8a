// A local server of SQS, for workers that share a queue: ElasticMQ, which keeps its messages in memory. Its jars come
// from Maven; the flag of queues.ts says how.

import { HttpConnection, type Address } from "../tools/wire.ts";
import { makeMessage } from "../http/kinesis.ts";
import { type Server, startOnPort } from "../tools/process.ts";

/** `classPath` is what `mvn dependency:build-classpath` has printed for org.elasticmq:elasticmq-server_2.13. */
export function startElasticMq(classPath: string): Promise<Server> {
  return startOnPort((port) => ({
    program: "java",
    args: [
      `-Dnode-address.port=${port}`,
      "-Drest-sqs.bind-hostname=127.0.0.1",
      `-Drest-sqs.bind-port=${port}`,
      "-Drest-stats.enabled=false",
      "-cp",
      classPath,
      "org.elasticmq.server.Main",
    ],
  }));
}

export class SqsConnection {
  private readonly address: Address;
  private readonly connection: HttpConnection;

  private constructor(address: Address, connection: HttpConnection) {
    this.address = address;
    this.connection = connection;
  }

  static async open(address: Address): Promise<SqsConnection> {
    return new SqsConnection(address, await HttpConnection.open(address));
  }

  /** Throws for any status but 200, and for entries that failed. */
  async call<Output>(operation: string, input: object): Promise<Output> {
    const headers = {
      "Content-Type": "application/x-amz-json-1.0",
      "X-Amz-Target": `AmazonSQS.${operation}`,
    };
    const sent = Buffer.from(JSON.stringify(input));
    const request = makeMessage(this.address, "/", headers, sent);
    const { status, body } = await this.connection.exchange(request, Infinity);
    const text = body.toString();
    const output = (text === "" ? {} : JSON.parse(text)) as Output & { Failed?: unknown[] };
    if (status === 200 && (output.Failed ?? []).length === 0) return output;
    throw new Error(`${operation}: ${status} ${text}`);
  }

  close(): void {
    this.connection.close();
  }
}
