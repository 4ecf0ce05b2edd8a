// A JSON value that can be folded. What is folded is not there until it is opened: a value may be deeper, or have more
// in it, than a page can take.
import { useState } from "preact/hooks";
import { cutText } from "../ui/format.ts";
import { ExactNumber } from "./decode/exactJson.ts";

/** Entries that are shown at once; the rest behind a button would be, but nobody reads them. */
const entriesMax = 500;
const openDepth = 3;

/** `name` is that of the member, if it is one: it stands on the line of the value's beginning. */
export function JsonTree(props: { value: unknown; depth: number; name?: string }) {
  const { value, depth } = props;
  const [isOpen, setOpen] = useState(depth < openDepth);
  const name = props.name === undefined ? null : <span class="json-name">{props.name}: </span>;
  if (!isBranch(value)) {
    return (
      <>
        {name}
        <Leaf value={value} />
      </>
    );
  }
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const [opening, closing] = isList ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) {
    return (
      <>
        {name}
        {opening + closing}
      </>
    );
  }
  return (
    <details class="json" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {name}
        {opening}
        <span class="muted">
          {" "}
          {entries.length} {isList ? "item" : "member"}
          {entries.length > 1 && "s"} {closing}
        </span>
      </summary>
      {isOpen && (
        <div class="json-inner">
          {entries.slice(0, entriesMax).map(([key, inner]) => (
            <div key={key}>
              <JsonTree value={inner} depth={depth + 1} {...(!isList && { name: key })} />
            </div>
          ))}
          {entries.length > entriesMax && (
            <div class="muted">… {entries.length - entriesMax} more; copy shows all</div>
          )}
        </div>
      )}
    </details>
  );
}

function isBranch(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return !(value instanceof Uint8Array || value instanceof ExactNumber);
}

function Leaf({ value }: { value: unknown }) {
  if (value instanceof Uint8Array) {
    return <span class="json-text">{`<${value.length} bytes>`}</span>;
  }
  if (value instanceof ExactNumber) return <span class="json-literal">{cutText(value.text)}</span>;
  if (typeof value === "string")
    return <span class="json-text">{cutText(JSON.stringify(value))}</span>;
  return <span class="json-literal">{String(value)}</span>;
}
