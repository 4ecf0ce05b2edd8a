// Patterns with `*` for any characters and `?` for one, like those of IAM policies (AWS IAM user
// guide, "IAM JSON policy elements"). An ARN is matched part by part, so that a wildcard does not
// match across a colon. Patterns also come from clients, so a match takes at most the product of
// the two lengths in steps.

/** Parts before the resource: `arn`, partition, service, region, account. */
const arnPartsBefore = 5;

export function matchesPattern(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let retry = 0;
  for (let i = 0; i < text.length;) {
    if (pattern[at] === "*") {
      star = at++;
      retry = i;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++retry;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** `*`, or an action of one of the dialects: `kinesis:Get*`, `v3io:PutRecords`. */
export function isActionPattern(text: string): boolean {
  return /^(?:\*|(?:kinesis|v3io|millrace):[A-Za-z*?]+)$/.test(text);
}

/** Actions are compared without regard to case. */
export function matchesAction(pattern: string, action: string): boolean {
  return matchesPattern(pattern.toLowerCase(), action.toLowerCase());
}

/** `*` alone matches any resource, and operations without a resource. */
export function matchesArn(pattern: string, arn: string): boolean {
  if (pattern === "*") return true;
  const patterns = splitArn(pattern);
  const parts = splitArn(arn);
  if (patterns === undefined || parts === undefined) return false;
  return patterns.every((part, i) => matchesPattern(part, parts[i] ?? ""));
}

/** The five parts before the resource, and the resource, which may contain colons. */
export function splitArn(arn: string): string[] | undefined {
  const parts = arn.split(":");
  if (parts.length <= arnPartsBefore || parts[0] !== "arn") return undefined;
  return [...parts.slice(0, arnPartsBefore), parts.slice(arnPartsBefore).join(":")];
}
