// A JSON value that can be folded.

/** Entries that are shown at once; the rest behind a button would be, but nobody reads them. */
const entriesMax = 500;
const openDepth = 3;

export function JsonTree({ value, depth }: { value: unknown; depth: number }) {
  if (value instanceof Uint8Array)
    return <span class="json-text">{`<${value.length} bytes>`}</span>;
  if (typeof value !== "object" || value === null) return <Leaf value={value} />;
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const [opening, closing] = isList ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return <span>{opening + closing}</span>;
  return (
    <details class="json" open={depth < openDepth}>
      <summary>
        {opening}
        <span class="muted">
          {" "}
          {entries.length} {isList ? "items" : "members"} {closing}
        </span>
      </summary>
      <div class="json-inner">
        {entries.slice(0, entriesMax).map(([name, inner]) => (
          <div key={name}>
            {!isList && <span class="json-name">{name}: </span>}
            <JsonTree value={inner} depth={depth + 1} />
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
  if (typeof value === "string") return <span class="json-text">{JSON.stringify(value)}</span>;
  return <span class="json-literal">{String(value)}</span>;
}
