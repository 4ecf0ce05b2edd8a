// Units that several rooms count in.

export const mebibyte = 1_048_576;

export const hourMs = 3_600_000;
