/**
 * Decodes blocks of headers (HPACK, RFC 7541). The blocks of a session share a table, so each must be
 * read, in the order in which they came. The table has the size that the standard sets. A list that is
 * larger than its bound is read to its end, and not kept.
 */
import { decodeHuffman } from "./huffman.ts";
import { type Field, staticFields } from "./staticTable.ts";

/** The block cannot be read, and no later one of the session. */
export class CompressionFault extends Error {
  override readonly name = "CompressionFault";
}

/** SETTINGS_HEADER_TABLE_SIZE, as long as nobody changes it. */
export const tableBytesMax = 4096;

/** What the standard adds to the lengths of name and value (RFC 7541, section 4.1). */
const fieldOverheadBytes = 32;

/** No length or index is near it. */
const integerMax = 1 << 24;

export class HeaderReader {
  readonly #listBytesMax: number;
  /** The newest field is the last. */
  readonly #table: Field[] = [];
  #tableBytes = 0;
  #tableBytesMax = tableBytesMax;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  /** The fields in their order; undefined if they are too large. Throws a CompressionFault. */
  read(block: Buffer): Field[] | undefined {
    this.#block = block;
    this.#at = 0;
    const fields: Field[] = [];
    let listBytes = 0;
    while (this.#at < block.length) {
      const field = this.#readField(listBytes === 0);
      if (field === undefined) continue;
      listBytes += sizeOf(field);
      if (listBytes <= this.#listBytesMax) fields.push(field);
    }
    return listBytes <= this.#listBytesMax ? fields : undefined;
  }

  /** Undefined for a change of the table's size, which is allowed before the first field. */
  #readField(isFirst: boolean): Field | undefined {
    const kind = this.#block[this.#at] ?? 0;
    if ((kind & 0x80) !== 0) return this.#fieldAt(this.#readInteger(7));
    if ((kind & 0x40) !== 0) {
      const field = this.#readLiteral(6);
      this.#add(field);
      return field;
    }
    if ((kind & 0x20) === 0) return this.#readLiteral(4);
    const size = this.#readInteger(5);
    if (!isFirst || size > tableBytesMax) throw new CompressionFault("a size of the table");
    this.#tableBytesMax = size;
    this.#evict(0);
    return undefined;
  }

  #readLiteral(prefixBits: number): Field {
    const index = this.#readInteger(prefixBits);
    const name = index === 0 ? this.#readString() : this.#fieldAt(index).name;
    return { name, value: this.#readString() };
  }

  #fieldAt(index: number): Field {
    const field =
      index <= staticFields.length
        ? staticFields[index - 1]
        : this.#table[this.#table.length - (index - staticFields.length)];
    if (field === undefined) throw new CompressionFault("an index without field");
    return field;
  }

  #readInteger(prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = this.#readByte() & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#readByte();
      value += (byte & 0x7f) * 2 ** shift;
      if (value > integerMax || shift > 28) throw new CompressionFault("a number is too large");
      if (byte < 0x80) return value;
    }
  }

  #readByte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new CompressionFault("the block ends in a field");
    return byte;
  }

  #readString(): string {
    const isCoded = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#readInteger(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#block.length) throw new CompressionFault("the block ends in a string");
    if (!isCoded) return this.#block.toString("latin1", from, this.#at);
    const text = decodeHuffman(this.#block, from, this.#at);
    if (text === undefined) throw new CompressionFault("a string is not coded as it should be");
    return text;
  }

  #add(field: Field): void {
    const bytes = sizeOf(field);
    this.#evict(bytes);
    if (bytes > this.#tableBytesMax) return;
    this.#table.push(field);
    this.#tableBytes += bytes;
  }

  /** Drops the oldest fields until there is room. */
  #evict(neededBytes: number): void {
    while (this.#tableBytes > 0 && this.#tableBytes + neededBytes > this.#tableBytesMax) {
      const oldest = this.#table.shift();
      this.#tableBytes -= oldest === undefined ? this.#tableBytes : sizeOf(oldest);
    }
  }
}

function sizeOf({ name, value }: Field): number {
  return name.length + value.length + fieldOverheadBytes;
}
