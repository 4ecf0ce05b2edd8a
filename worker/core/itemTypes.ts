// The types of the object store, as plain data: small objects with bytes and typed attributes, the
// conditions under which they change, and the interface by which Workers call the Durable Object
// that stores them. Nothing here knows the form of a request or a reply.
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

/** Computed attributes of a shard, which is visible as an object although no row was written. */
export interface ComputedItem {
  time: ItemTime;
  /** System attributes that the store cannot compute by itself. */
  system: Attributes;
}

export interface ItemPlace {
  /** Below the container, without slashes at the ends; a directory's ends in one. */
  path: string;
  /**
   * The uid of the stream or shard that the object belongs to, or nothing. Objects that were
   * written for an earlier stream of the same name are not visible.
   */
  owner: string;
  /**
   * For an object in a stream: the path of the stream's directory, with its slash; directories are
   * made below it.
   */
  base?: string | undefined;
  computed?: ComputedItem | undefined;
}

/** The attributes that a request selects. */
export interface Selection {
  /** All attributes that users wrote. */
  user: boolean;
  /** All system attributes. */
  system: boolean;
  /** Further attributes by name; missing ones are left out. */
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
  /**
   * The path after which to begin; a path that ends in a slash means all paths in that directory.
   */
  after: string;
  /** Maximum number of items. */
  limit: number;
  selection: Selection;
  filter?: Expression | undefined;
  /** The items are divided by their names into parts; this is the wanted part. */
  part: { index: number; count: number };
}

export interface ItemPage {
  /** The selected attributes of each item. */
  items: Attributes[];
  /** The path after which to continue; undefined at the end. */
  next: string | undefined;
  /** True if the directory exists; a directory that holds only streams is not known here. */
  exists: boolean;
}

/** One entry of a directory: an object, or a directory in it, whose path ends in a slash. */
export interface ListedEntry {
  path: string;
  /** Times of the last write and of the first. */
  time: ItemTime;
  born: ItemTime;
  /** Undefined for a directory. */
  bytes: number | undefined;
}

/**
 * A query for the entries of an owner in a directory: all paths that begin with its path, in order.
 */
export interface ItemListing {
  directory: ItemPlace;
  /** As in a scan. */
  after: string;
  limit: number;
  directoriesOnly: boolean;
}

export interface ListedPage {
  entries: ListedEntry[];
  /** The path after which to continue; undefined at the end. */
  next: string | undefined;
}

/**
 * Replies are bounded by the rows they are about (limits.ts), or by `itemPageBytesMax` where they
 * grow.
 */
export interface ItemsApi {
  /** Throws `itemNotFound`. */
  getItem(place: ItemPlace, selection: Selection): Promise<Reply<Item>>;
  /** Throws `conditionFalse`, `itemExists`, `expressionFailed`, `tooLarge`. */
  putItem(place: ItemPlace, write: ItemWrite): Promise<Reply<{ time: ItemTime }>>;
  /** A page may be empty and not the last, because a call reads a bounded number of rows. */
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
  /** Removes the directory and everything in it, of every owner; the directories above it stay. */
  clearDirectory(directory: string): Promise<void>;
  /** True if the directory exists, or contains anything of the owner. */
  isOccupied(directory: string, owner: string): Promise<boolean>;
}
