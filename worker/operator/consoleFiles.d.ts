// The bundled console, by file name: see local/buildConsole.ts.
declare module "*/build/console/files.js" {
  const files: Readonly<Record<string, string>>;
  export default files;
}
