// New streams that are a row of the catalog and nothing else (unopened.ts). They are stored in groups: while one group
// is synced the next one gathers, so that many creations share a sync of the disk.
import { StreamError } from "../errors.ts";
import type { StreamDescription } from "../core/types.ts";
import type { StreamRegistry } from "./registry.ts";

interface NewStream {
  stream: StreamDescription;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class NewStreams {
  private readonly streams: StreamRegistry;
  private readonly storage: Pick<DurableObjectStorage, "sync">;
  private waiting: NewStream[] = [];
  private isSaving = false;

  constructor(streams: StreamRegistry, storage: Pick<DurableObjectStorage, "sync">) {
    this.streams = streams;
    this.storage = storage;
  }

  /** Resolves when the stream is durable. Throws `streamExists`, `tooLarge`. */
  add(stream: StreamDescription): Promise<void> {
    const added = new Promise<void>((resolve, reject) => {
      this.waiting.push({ stream, resolve, reject });
    });
    if (!this.isSaving) void this.saveAll();
    return added;
  }

  private async saveAll(): Promise<void> {
    this.isSaving = true;
    for (let group = this.take(); group.length > 0; group = this.take()) {
      const saved = group.filter((each) => this.save(each));
      try {
        await this.storage.sync();
        for (const { resolve } of saved) resolve();
      } catch (error) {
        for (const { reject } of saved) reject(error);
      }
    }
    this.isSaving = false;
  }

  private take(): NewStream[] {
    const group = this.waiting;
    this.waiting = [];
    return group;
  }

  /** False if it was refused: another one of that name may have come before it. */
  private save({ stream, reject }: NewStream): boolean {
    try {
      const { name } = stream;
      if (this.streams.find(name) !== undefined) {
        throw new StreamError("streamExists", { stream: name });
      }
      this.streams.save(stream);
      return true;
    } catch (error) {
      reject(error);
      return false;
    }
  }
}
