// A member of a v3io consumer group, as v3io-go has it on the wire (streamconsumergroup.go, claim.go): who
// has which shards stands in an item beside the stream that is only written under the time at which it
// was read, and what a group has consumed stands on each shard. The clock is the caller's.

import type { V3ioCall, V3ioReply } from "./client.ts";

interface Session {
  member_id: string;
  last_heartbeat_time: string;
  shards: number[];
}

interface State {
  schema_version: string;
  session_states: Session[];
}

export interface Consumed {
  shard: number;
  sequence: number;
  text: string;
}

/** v3io-go's default. */
const sessionTimeoutMs = 10_000;

const updateMode = "CreateOrReplaceAttributes";

export class Member {
  shards: number[] = [];
  private readonly locations = new Map<number, string>();
  private readonly delivered = new Map<number, number>();
  private readonly v3io: V3ioCall;
  private readonly stream: string;
  private readonly group: string;
  private readonly id: string;
  private readonly replicasMax: number;

  constructor(v3io: V3ioCall, stream: string, group: string, id: string, replicasMax: number) {
    this.v3io = v3io;
    this.stream = stream;
    this.group = group;
    this.id = id;
    this.replicasMax = replicasMax;
  }

  /** Takes its part of the shards that no living member has, or says that it lives. */
  async heartbeat(nowMs: number): Promise<void> {
    for (;;) {
      const read = await this.readState();
      const sessions = read.sessions.filter(
        ({ member_id, last_heartbeat_time }) =>
          member_id === this.id || Date.parse(last_heartbeat_time) > nowMs - sessionTimeoutMs,
      );
      let own = sessions.find(({ member_id }) => member_id === this.id);
      if (own === undefined) {
        own = { member_id: this.id, last_heartbeat_time: "", shards: await this.free(sessions) };
        sessions.push(own);
      }
      own.last_heartbeat_time = new Date(nowMs).toISOString();
      const written = await this.writeState(sessions, read.condition);
      if (written.status === 200) {
        this.shards = own.shards;
        return;
      }
      // Somebody else was faster: what they wrote has to be read first.
      if (written.status !== 400) throw new Error(`${written.status} ${written.text}`);
    }
  }

  /** The next records of one of its shards; those of an earlier member from its last commit on. */
  async fetch(shard: number, Limit: number): Promise<Consumed[]> {
    const path = `${this.stream}/${shard}`;
    const Location = this.locations.get(shard) ?? (await this.startOf(shard));
    const { status, text, output } = await this.v3io("GetRecords", path, { Limit, Location });
    if (status !== 200) throw new Error(`${status} ${text}`);
    this.locations.set(shard, output.NextLocation);
    return output.Records.map(({ SequenceNumber: sequence, Data }) => {
      this.delivered.set(shard, sequence);
      return { shard, sequence, text: Buffer.from(Data, "base64").toString() };
    });
  }

  /** Everything that it was given so far is done. */
  async commit(): Promise<void> {
    for (const [shard, sequence] of this.delivered) {
      const reply = await this.v3io("PutItem", `${this.stream}/${shard}`, {
        ConditionExpression: "__obj_type == 3",
        Item: { [this.attribute]: { N: String(sequence) } },
        UpdateMode: updateMode,
      });
      if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text}`);
    }
  }

  /** What the group has committed on a shard; undefined when it has nothing there. */
  async committed(shard: number): Promise<number | undefined> {
    const body = { AttributesToGet: this.attribute };
    const { status, text } = await this.v3io("GetItem", `${this.stream}/${shard}`, body);
    if (status === 404) return undefined;
    const { Item } = JSON.parse(text) as { Item: Record<string, { N: string }> };
    const attribute = Item[this.attribute];
    return attribute && Number(attribute.N);
  }

  private async startOf(shard: number): Promise<string> {
    const sequence = await this.committed(shard);
    const target =
      sequence === undefined
        ? { Type: "EARLIEST" }
        : { Type: "SEQUENCE", StartingSequenceNumber: sequence + 1 };
    const { status, text, output } = await this.v3io(
      "SeekShard",
      `${this.stream}/${shard}`,
      target,
    );
    if (status !== 200) throw new Error(`${status} ${text}`);
    return output.Location;
  }

  private async free(sessions: Session[]): Promise<number[]> {
    const { output } = await this.v3io("DescribeStream", `${this.stream}/`);
    const taken = new Set(sessions.flatMap(({ shards }) => shards));
    const all = Array.from({ length: output.ShardCount }, (_, shard) => shard);
    const share = Math.ceil(output.ShardCount / this.replicasMax);
    return all.filter((shard) => !taken.has(shard)).slice(0, share);
  }

  private async readState(): Promise<{ sessions: Session[]; condition: string }> {
    const AttributesToGet = "__mtime_nsecs,__mtime_secs,state";
    const { status, text } = await this.v3io("GetItem", this.statePath, { AttributesToGet });
    if (status === 404) return { sessions: [], condition: "not(exists(state))" };
    const { Item } = JSON.parse(text) as { Item: Record<string, { N: string; S: string }> };
    const { __mtime_nsecs, __mtime_secs, state } = Item;
    const { session_states } = JSON.parse(state?.S ?? "") as State;
    const condition = `(__mtime_nsecs == ${__mtime_nsecs?.N}) AND (__mtime_secs == ${__mtime_secs?.N})`;
    return { sessions: session_states, condition };
  }

  private writeState(sessions: Session[], ConditionExpression: string): Promise<V3ioReply> {
    const state: State = { schema_version: "0.0.1", session_states: sessions };
    return this.v3io("PutItem", this.statePath, {
      ConditionExpression,
      Item: { state: { S: JSON.stringify(state) } },
      UpdateMode: updateMode,
    });
  }

  private get statePath(): string {
    return `${this.stream}/${this.group}-state.json`;
  }

  private get attribute(): string {
    return `__${this.group}_committed_sequence_number`;
  }
}
