// Small parts that several pages use.
import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/request.ts";
import { go } from "../app/route.ts";

/** A link within the console: no reload. */
export function Link(props: {
  to: string;
  class?: string;
  current?: boolean;
  children: ComponentChildren;
}) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(props.to);
  };
  return (
    <a
      href={props.to}
      class={props.class}
      onClick={follow}
      {...(props.current && { "aria-current": "page" as const })}
    >
      {props.children}
    </a>
  );
}

/** A failure in words. */
export function Failure({ error }: { error: Error | undefined }) {
  if (error === undefined) return null;
  const isNamed = error instanceof ApiError && error.status > 0;
  return (
    <p class="failure" role="alert">
      {[isNamed ? error.name : "", error.message].filter((text) => text !== "").join(": ")}
    </p>
  );
}

/** A modal dialog that the browser itself keeps the focus in. */
export function Dialog(props: { title: string; close: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} onClose={props.close} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** A form whose work may fail: shows the failure and keeps what was entered. */
export function WorkForm(props: {
  submit: string;
  danger?: boolean;
  disabled?: boolean;
  cancel?: (() => void) | undefined;
  work: () => Promise<void>;
  children: ComponentChildren;
}) {
  const [error, setError] = useState<Error>();
  const [isBusy, setBusy] = useState(false);
  const run = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await props.work();
    } catch (thrown) {
      setError(thrown as Error);
    }
    setBusy(false);
  };
  return (
    <form onSubmit={(event) => void run(event)}>
      {props.children}
      <Failure error={error} />
      <div class="buttons">
        {props.cancel && (
          <button type="button" onClick={props.cancel}>
            Cancel
          </button>
        )}
        <button class={props.danger ? "danger" : "primary"} disabled={isBusy || props.disabled}>
          {isBusy ? "…" : props.submit}
        </button>
      </div>
    </form>
  );
}

/** A labelled input. */
export function Field(props: { label: string; hint?: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label>
        <span>{props.label}</span>
        {props.children}
      </label>
      {props.hint && <small>{props.hint}</small>}
    </div>
  );
}

/** A labelled line of text. */
export function TextField({
  label,
  hint,
  set,
  ...rest
}: {
  label: string;
  hint?: string;
  value: string;
  set: (text: string) => void;
} & InputHTMLAttributes) {
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      <input {...rest} onInput={(event) => set(event.currentTarget.value)} />
    </Field>
  );
}

/** The head of a column: a number's is on the right, a hidden one is only read out. */
export interface Head {
  name: string;
  is?: "number" | "hidden";
}

export function Table({
  heads,
  children,
}: {
  heads: readonly Head[];
  children: ComponentChildren;
}) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            {heads.map(({ name, is }) => (
              <th key={name} {...(is === "number" && { class: "number" })}>
                {is === "hidden" ? <span class="hidden">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** Copies a text, and says so. */
export function Copy({ text, label = "copy" }: { text: string | (() => string); label?: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await copyText(typeof text === "string" ? text : text());
    setDone(true);
    setTimeout(() => setDone(false), 1200);
  };
  return (
    <button type="button" class="quiet" onClick={() => void copy()}>
      {isDone ? "copied" : label}
    </button>
  );
}

/** The clipboard is missing on pages without TLS. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A row of points as a small line. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const shown = values.slice(-60);
  const max = Math.max(...shown, 1e-9);
  const points = shown.map((value, i) => `${i + 60 - shown.length},${18 - (value / max) * 16}`);
  return (
    <svg class="spark" viewBox="0 0 60 20" role="img" aria-label={label} preserveAspectRatio="none">
      <polyline points={points.join(" ")} />
    </svg>
  );
}
