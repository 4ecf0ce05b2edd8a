// A JSON value that can be folded.

/** Entries that are shown at once; the rest behind a button would be, but nobody reads them. */
const entriesMax = 500;
const openDepth = 3;

/** `name` is that of the member, if it is one: it stands on the line of the value's beginning. */
export function JsonTree(props: { value: unknown; depth: number; name?: string }) {
  const { value, depth } = props;
  const name = props.name === undefined ? null : <span class="json-name">{props.name}: </span>;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) {
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
    <details class="json" open={depth < openDepth}>
      <summary>
        {name}
        {opening}
        <span class="muted">
          {" "}
          {entries.length} {isList ? "items" : "members"} {closing}
        </span>
      </summary>
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
    </details>
  );
}

function Leaf({ value }: { value: unknown }) {
  if (value instanceof Uint8Array) {
    return <span class="json-text">{`<${value.length} bytes>`}</span>;
  }
  if (typeof value === "string") return <span class="json-text">{JSON.stringify(value)}</span>;
  return <span class="json-literal">{String(value)}</span>;
}
