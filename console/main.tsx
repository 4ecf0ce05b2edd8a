// The console: a page that shows the streams of the server it came from. It uses the public API
// with the caller's own keys, and nothing else.
import { render } from "preact";
import { App } from "./app/App.tsx";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
