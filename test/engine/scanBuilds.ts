// The two builds of the scanner: see builds.ts.
import { Scanner } from "../../worker/engine/scanner.ts";
import { compileEngine } from "./compile.ts";

export const scanners: readonly { name: "debug" | "release"; scanner: Scanner }[] = [
  {
    name: "debug",
    scanner: new Scanner(compileEngine("scan.debug.wasm"), {
      env: {
        abort: (_message: number, _file: number, line: number, column: number): never => {
          throw new Error(`an assert failed at ${line}:${column}`);
        },
      },
    }),
  },
  { name: "release", scanner: new Scanner(compileEngine("scan.wasm")) },
];
