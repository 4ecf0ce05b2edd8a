// Some systems give browsers a language that Intl refuses, such as "en-US@posix". uPlot asks Intl for it as it is
// loaded, so the bundle has this module first, and it puts English in its place.
try {
  new Intl.NumberFormat(navigator.language).format(1);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
}
