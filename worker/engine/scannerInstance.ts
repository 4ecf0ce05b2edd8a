// The scanner of this isolate, made when it is first used: most isolates never scan.
import scanModule from "../../build/scan.wasm";
import { Scanner } from "./scanner.ts";

let instance: Scanner | undefined;

export function scanner(): Scanner {
  instance ??= new Scanner(scanModule);
  return instance;
}
