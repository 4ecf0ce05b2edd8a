// Enters a filter: a key, and a pattern that can be typed or put together.
import { useEffect, useState } from "preact/hooks";
import { Field, TextField } from "../ui/parts.tsx";
import {
  type Filter,
  filterText,
  noFilter,
  type Operator,
  operators,
  withCondition,
} from "./filter.ts";

export function FilterBar({ filter, apply }: { filter: Filter; apply: (filter: Filter) => void }) {
  const [key, setKey] = useState(filter.key);
  const [pattern, setPattern] = useState(filter.pattern);
  const [isBuilding, setBuilding] = useState(false);
  const [error, setError] = useState("");
  useEffect(() => {
    setKey(filter.key);
    setPattern(filter.pattern);
  }, [filter]);
  const submit = (event: Event) => {
    event.preventDefault();
    const entered = { key: key.trim(), pattern };
    try {
      filterText(entered);
      setError("");
      apply(entered);
    } catch (thrown) {
      setError((thrown as Error).message);
    }
  };
  const clear = () => {
    setKey("");
    setPattern("");
    setError("");
    apply(noFilter);
  };
  const isSet = filter.key !== "" || filter.pattern !== "";
  return (
    <>
      <form class="bar filter" onSubmit={submit}>
        <input
          name="key"
          placeholder="partition key, or its beginning*"
          aria-label="partition key"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <input
          name="pattern"
          class="mono grow"
          placeholder='{"status": ["failed"], "amount": [{"numeric": [">", 100]}]}'
          aria-label="pattern for the data"
          spellcheck={false}
          value={pattern}
          onInput={(event) => setPattern(event.currentTarget.value)}
        />
        <button type="button" class="quiet" onClick={() => setBuilding(!isBuilding)}>
          build
        </button>
        <button>Filter</button>
        {isSet && (
          <button type="button" class="quiet" onClick={clear}>
            clear
          </button>
        )}
      </form>
      {isBuilding && (
        <Builder
          add={(path, operator, value) => {
            try {
              setPattern(withCondition(pattern, { path, operator, value }));
              setError("");
            } catch (thrown) {
              const { name, message } = thrown as Error;
              setError(name === "SyntaxError" ? "The pattern is not JSON." : message);
            }
          }}
        />
      )}
      {error !== "" && (
        <p class="failure" role="alert">
          {error}
        </p>
      )}
    </>
  );
}

function Builder({ add }: { add: (path: string, operator: Operator, value: string) => void }) {
  const [path, setPath] = useState("");
  const [operator, setOperator] = useState<Operator>("is");
  const [value, setValue] = useState("");
  return (
    <form
      class="bar builder"
      onSubmit={(event) => {
        event.preventDefault();
        add(path, operator, value);
        setValue("");
      }}
    >
      <TextField label="Member" placeholder="order.status" required value={path} set={setPath} />
      <Field label="Condition">
        <select
          value={operator}
          onChange={(event) => setOperator(event.currentTarget.value as Operator)}
        >
          {operators.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </Field>
      <TextField label="Value" value={value} set={setValue} />
      <button>Add</button>
    </form>
  );
}
