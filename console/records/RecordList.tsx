// The rows of a tail. Only those in view are in the page, so that thousands a second cost no more
// than a few. While the end is in view, it stays in view, unless a record was chosen: then that one stays.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { formatBytes, formatTime } from "../ui/format.ts";
import { previewOf, type RecordBuffer, type Row } from "./buffer.ts";

const rowHeight = 26;
/** Rows that are drawn above and below those in view, so that scrolling shows no gap. */
const overscan = 8;

/** By how many rows a key moves. */
const steps: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: 15,
  PageUp: -15,
  End: Infinity,
  Home: -Infinity,
};

export function RecordList(props: {
  /** For those who give it the focus. */
  box: RefObject<HTMLDivElement | null>;
  buffer: RecordBuffer;
  /** Changes when the buffer has changed: with the same properties the list is not drawn anew. */
  version: number;
  chosen: number | undefined;
  /** Undefined: none. */
  choose: (row: Row | undefined) => void;
}) {
  const { box, buffer, chosen, choose } = props;
  const [scroll, setScroll] = useState({ top: 0, height: 400 });
  const isFollowing = useRef(true);
  const droppedBefore = useRef(0);
  const { rows, dropped } = buffer;
  const total = rows.length * rowHeight;

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (isFollowing.current && chosen === undefined) element.scrollTop = total;
    else element.scrollTop -= (dropped - droppedBefore.current) * rowHeight;
    droppedBefore.current = dropped;
  }, [total, dropped]);

  const reveal = (number: number) => {
    const element = box.current;
    if (element === null) return;
    const top = (number - buffer.dropped) * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    const bottom = top + 2 * rowHeight - element.clientHeight;
    if (bottom > element.scrollTop) element.scrollTop = bottom;
  };

  // The list may be lower when a record is shown beside or below it.
  useLayoutEffect(() => {
    if (chosen !== undefined) reveal(chosen);
  }, [chosen, scroll.height]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = () => setScroll({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const onScroll = (event: Event) => {
    const element = event.currentTarget as HTMLDivElement;
    const { scrollTop, clientHeight, scrollHeight } = element;
    isFollowing.current = scrollTop + clientHeight >= scrollHeight - rowHeight;
    setScroll({ top: scrollTop, height: clientHeight });
  };

  const move = (event: KeyboardEvent) => {
    if (event.key === "Escape") return choose(undefined);
    const step = steps[event.key];
    if (step === undefined || rows.length === 0) return;
    event.preventDefault();
    const from =
      chosen === undefined && Number.isFinite(step)
        ? rows.length - 1 - step
        : (chosen ?? 0) - dropped;
    const at = from + step;
    const row = rows[Math.min(Math.max(at, 0), rows.length - 1)];
    if (row === undefined) return;
    choose(row);
  };

  const first = Math.max(0, Math.floor(scroll.top / rowHeight) - overscan);
  const last = Math.ceil((scroll.top + scroll.height) / rowHeight) + overscan;
  return (
    <div
      class="records"
      ref={box}
      onScroll={onScroll}
      onKeyDown={move}
      tabIndex={0}
      role="listbox"
      aria-label="records"
      {...(chosen !== undefined && { "aria-activedescendant": `record-${chosen}` })}
    >
      <div style={{ height: `${total}px` }} role="presentation">
        {rows.slice(first, last).map((row, i) => (
          <RecordRow
            key={row.number}
            row={row}
            top={(first + i) * rowHeight}
            isChosen={row.number === chosen}
            choose={choose}
          />
        ))}
      </div>
    </div>
  );
}

function RecordRow(props: {
  row: Row;
  top: number;
  isChosen: boolean;
  choose: (row: Row) => void;
}) {
  const { row, top, isChosen, choose } = props;
  const { record } = row;
  return (
    <div
      class="record"
      id={`record-${row.number}`}
      role="option"
      aria-selected={isChosen}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => choose(row)}
    >
      <span class="time">{formatTime(record.ApproximateArrivalTimestamp * 1000)}</span>
      <span class="shard">{row.shard}</span>
      <span class="key" title={record.PartitionKey}>
        {record.PartitionKey}
      </span>
      <span class="data">{previewOf(row)}</span>
      <span class="size">{formatBytes(row.dataBytes)}</span>
    </div>
  );
}
