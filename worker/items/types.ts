// The nouns of the object store beside the streams, as plain data: small objects with bytes and typed
// attributes, the conditions under which they change, and the interface by which Workers call the
// Durable Object that keeps them. Nothing here knows how a request or a reply looks.
import type { Reply } from "../stream/rpc.ts";

/** As v3io types them: a number or a time ("seconds:nanoseconds") is text, a blob is base64. */
export type AttributeValue =
  | { N: string }
  | { S: string }
  | { B: string }
  | { BOOL: boolean }
  | { TS: string };

/** A Map rather than an object: an attribute may be called `__proto__`. */
export type Attributes = Map<string, AttributeValue>;

/** When an object was written. Of two writes of one object the later one has the later time. */
export interface ItemTime {
  seconds: number;
  nanoseconds: number;
}

/** Something that exists without having been written here: a stream's shard. */
export interface Standing {
  time: ItemTime;
  /** System attributes that are not the object's own to know. */
  system: Attributes;
}

export interface ItemPlace {
  /** Below the container, without slashes at the ends; a directory's ends in one. */
  path: string;
  /**
   * The stream or shard that the object lives and dies with: its uid, or nothing. What was written
   * there in the time of another is not seen any more.
   */
  owner: string;
  standing?: Standing | undefined;
}

export interface Item {
  /** The attributes of users and those of the system. */
  user: Attributes;
  system: Attributes;
  bodyBytes: number;
  time: ItemTime;
}

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";
export type Arithmetic = "+" | "-" | "*" | "/" | "%";

/** Whole numbers are bigints: attributes hold 64 bits. */
export type Literal = bigint | number | string | boolean;

export type Expression =
  | { kind: "literal"; value: Literal }
  | { kind: "attribute"; name: string }
  | { kind: "exists"; name: string }
  | { kind: "ifNotExists"; name: string; otherwise: Expression }
  | { kind: "not"; of: Expression }
  | { kind: "both" | "either"; left: Expression; right: Expression }
  | { kind: "compare"; operator: Comparison; left: Expression; right: Expression }
  | { kind: "compute"; operator: Arithmetic; left: Expression; right: Expression };

export type Update =
  | { kind: "set"; name: string; value: Expression }
  | { kind: "remove"; name: string };

export type ItemChange =
  /** The item has these attributes and no others. */
  | { kind: "replace"; attributes: Attributes }
  /** The item has these attributes beside those it had. */
  | { kind: "merge"; attributes: Attributes }
  | { kind: "update"; updates: Update[] };

export interface ItemWrite {
  condition?: Expression | undefined;
  change: ItemChange;
  /** What to do instead where the condition is false. */
  otherwise?: ItemChange | undefined;
  /** Refused where the item exists. */
  newOnly: boolean;
}

export interface ItemPage {
  items: { path: string; item: Item }[];
  /** Path after which to go on; undefined at the end. */
  next: string | undefined;
}

/** One entry of a directory: an object, or a directory in it. */
export interface ListedEntry {
  path: string;
  /** Undefined for a directory. */
  object: { bytes: number; time: ItemTime } | undefined;
}

export interface ItemsApi {
  /** Throws `itemNotFound`. */
  getItem(place: ItemPlace): Promise<Reply<Item>>;
  /** Throws `conditionFalse`, `itemExists`, `expressionFailed`, `tooLarge`. */
  putItem(place: ItemPlace, write: ItemWrite): Promise<Reply<{ time: ItemTime }>>;
  /** Items directly below a directory. */
  scanItems(directory: ItemPlace, after: string, limit: number): Promise<ItemPage>;
  getObject(place: ItemPlace): Promise<Reply<{ body: Uint8Array; time: ItemTime }>>;
  /** Attributes stay as they are. Throws `tooLarge`. */
  putObject(
    place: ItemPlace,
    body: Uint8Array,
    append: boolean,
  ): Promise<Reply<{ time: ItemTime }>>;
  deleteItem(place: ItemPlace): Promise<Reply<{ deleted: true }>>;
  /** The owner's entries whose path begins with `prefix` and is above `after`, in order. */
  list(prefix: string, after: string, limit: number, owner: string): Promise<ListedEntry[]>;
  /** Removes everything below the directory, whoever owns it. */
  clearDirectory(directory: string): Promise<void>;
  /** Whether the directory holds anything of the owner. */
  isOccupied(directory: string, owner: string): Promise<boolean>;
}
