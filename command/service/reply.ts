/**
 * Reads the members of a reply. A member that is missing or of another type is a Failure: what
 * answered is no Kinesis service, whatever it is.
 */
import { Failure } from "../../local/failure.ts";

/** An object of a reply, and where it is from, for messages. */
export class Reply {
  private readonly value: object;
  private readonly place: string;

  constructor(value: unknown, place: string) {
    if (typeof value !== "object" || value === null) throw oddReply(place, "an object");
    this.value = value;
    this.place = place;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined) throw oddReply(this.place, name);
    return value;
  }

  optionalText(name: string): string | undefined {
    const value = this.member(name);
    return typeof value === "string" ? value : undefined;
  }

  number(name: string): number {
    const value = this.optionalNumber(name);
    if (value === undefined) throw oddReply(this.place, name);
    return value;
  }

  optionalNumber(name: string): number | undefined {
    const value = this.member(name);
    return typeof value === "number" ? value : undefined;
  }

  /** Seconds with a fraction, as milliseconds. */
  timeMs(name: string): number {
    return Math.round(this.number(name) * 1000);
  }

  flag(name: string): boolean {
    return this.member(name) === true;
  }

  object(name: string): Reply {
    return new Reply(this.member(name), `${this.place}: ${name}`);
  }

  /** A list that is absent is empty. */
  objects(name: string): Reply[] {
    return this.list(name).map((item) => new Reply(item, `${this.place}: ${name}`));
  }

  texts(name: string): string[] {
    return this.list(name).filter((item) => typeof item === "string");
  }

  private list(name: string): unknown[] {
    const value = this.member(name) ?? [];
    if (!Array.isArray(value)) throw oddReply(this.place, name);
    return value;
  }

  private member(name: string): unknown {
    return Reflect.get(this.value, name);
  }
}

function oddReply(place: string, what: string): Failure {
  return new Failure(`${place} answered without ${what}: is it a Kinesis service?`);
}
