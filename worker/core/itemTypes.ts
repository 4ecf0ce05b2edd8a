// The nouns of the object store beside the streams, as plain data: small objects with bytes and typed
// attributes, the conditions under which they change, and the interface by which Workers call the
// Durable Object that keeps them. Nothing here knows how a request or a reply looks.
import type { Reply } from "./rpc.ts";

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
  /** Path of the stream's directory, with its slash, for what lies in one; directories are made below it. */
  base?: string | undefined;
  standing?: Standing | undefined;
}

/** Attributes that somebody asks for. */
export interface Selection {
  /** All that users wrote. */
  user: boolean;
  /** All of the system. */
  system: boolean;
  /** Others by name; those that are not there are left out. */
  names: string[];
}

export interface Item {
  /** The selected ones. */
  attributes: Attributes;
  bodyBytes: number;
  time: ItemTime;
}

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";
export type Arithmetic = "+" | "-" | "*" | "/" | "%";

/** Whole numbers are bigints: attributes hold 64 bits. */
export type Literal = bigint | number | string | boolean;

export type FunctionName =
  | "contains"
  | "ends"
  | "in"
  | "init_array"
  | "isnan"
  | "length"
  | "max"
  | "min"
  | "pmax"
  | "pmin"
  | "psum"
  | "starts";

export type Expression =
  | { kind: "literal"; value: Literal }
  /** A time or a blob. */
  | { kind: "constant"; value: AttributeValue }
  | { kind: "attribute"; name: string }
  | { kind: "exists"; name: string }
  | { kind: "ifNotExists"; name: string; otherwise: Expression }
  | { kind: "ifElse"; condition: Expression; whenTrue: Expression; whenFalse: Expression }
  /** Of an attribute that is an array. */
  | { kind: "element"; name: string; first: Expression }
  | { kind: "slice"; name: string; first: Expression; last: Expression }
  | { kind: "call"; name: FunctionName; operands: Expression[] }
  | { kind: "not"; of: Expression }
  | { kind: "both" | "either"; left: Expression; right: Expression }
  | { kind: "compare"; operator: Comparison; left: Expression; right: Expression }
  | { kind: "compute"; operator: Arithmetic; left: Expression; right: Expression };

export type Update =
  /** With `at` an element of an array, or the elements from `first` to `last`. */
  | {
      kind: "set";
      name: string;
      at?: { first: Expression; last?: Expression };
      value: Expression;
    }
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

/** A question for the items directly in a directory. */
export interface ItemScan {
  directory: ItemPlace;
  /** Path after which to begin; one that ends in a slash stands for all that is in that directory. */
  after: string;
  /** Items at most. */
  limit: number;
  selection: Selection;
  filter?: Expression | undefined;
  /** Of the parts into which the items are divided by their names, the one that is wanted. */
  part: { index: number; count: number };
}

export interface ItemPage {
  /** The selected attributes of each item. */
  items: Attributes[];
  /** Path after which to go on; undefined at the end. */
  next: string | undefined;
  /** Whether the directory is there; one that holds only streams is not known here. */
  exists: boolean;
}

/** One entry of a directory: an object, or a directory in it, whose path ends in a slash. */
export interface ListedEntry {
  path: string;
  /** Of the last write, and of the first. */
  time: ItemTime;
  born: ItemTime;
  /** Undefined for a directory. */
  bytes: number | undefined;
}

/** A question for what a directory shows of an owner: what begins with its path, in order. */
export interface ItemListing {
  directory: ItemPlace;
  /** As in a scan. */
  after: string;
  limit: number;
  directoriesOnly: boolean;
}

export interface ListedPage {
  entries: ListedEntry[];
  /** Path after which to go on; undefined at the end. */
  next: string | undefined;
}

/** Replies are bounded by the rows they are about (limits.ts), or by `itemPageBytesMax` where they grow. */
export interface ItemsApi {
  /** Throws `itemNotFound`. */
  getItem(place: ItemPlace, selection: Selection): Promise<Reply<Item>>;
  /** Throws `conditionFalse`, `itemExists`, `expressionFailed`, `tooLarge`. */
  putItem(place: ItemPlace, write: ItemWrite): Promise<Reply<{ time: ItemTime }>>;
  /** A page may be empty and not the last: so much was read for nothing. */
  scanItems(scan: ItemScan): Promise<Reply<ItemPage>>;
  getObject(place: ItemPlace): Promise<Reply<{ body: Uint8Array; time: ItemTime }>>;
  /** Attributes stay as they are. Throws `tooLarge`. */
  putObject(
    place: ItemPlace,
    body: Uint8Array,
    append: boolean,
  ): Promise<Reply<{ time: ItemTime }>>;
  deleteItem(place: ItemPlace): Promise<Reply<{ deleted: true }>>;
  /** A page may be empty and not the last. */
  listDirectory(listing: ItemListing): Promise<ListedPage>;
  /** Removes everything in the directory and itself, whoever owns it; the directories above it stay. */
  clearDirectory(directory: string): Promise<void>;
  /** Whether the directory is there, or holds anything of the owner. */
  isOccupied(directory: string, owner: string): Promise<boolean>;
}
