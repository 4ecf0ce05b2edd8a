// The decimals between which everything rounds to a given double, exactly. The engine compares the digits of long
// numbers with them, in place of converting these (assembly/scan/number.ts).

/** 0.d1d2d3… × 10^exponent, without zeros at both ends. */
export interface Decimal {
  exponent: number;
  digits: string;
}

export interface RoundingBounds {
  /** Undefined for 0: nothing is less. */
  lower: Decimal | undefined;
  upper: Decimal;
  /** True if the bounds themselves round to the double too. */
  areIncluded: boolean;
}

const mantissaBits = 52n;
const exponentMin = -1074;

/** For a finite double that is not negative. */
export function roundingBounds(double: number): RoundingBounds {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, double);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> mantissaBits);
  const fraction = bits & ((1n << mantissaBits) - 1n);
  const mantissa = biased === 0 ? fraction : fraction | (1n << mantissaBits);
  const exponent = biased === 0 ? exponentMin : biased - 1075;
  // Doubles below a power of two are half as far apart.
  const isPower = fraction === 0n && biased > 1;
  const quarters = mantissa * 4n;
  return {
    lower: double === 0 ? undefined : decimalOf(quarters - (isPower ? 1n : 2n), exponent - 2),
    upper: decimalOf(quarters + 2n, exponent - 2),
    areIncluded: mantissa % 2n === 0n,
  };
}

/** `integer` × 2^`power`, which is greater than 0. */
function decimalOf(integer: bigint, power: number): Decimal {
  const isWhole = power >= 0;
  const scaled = isWhole ? integer << BigInt(power) : integer * 5n ** BigInt(-power);
  const text = scaled.toString();
  return { exponent: text.length + (isWhole ? 0 : power), digits: text.replace(/0+$/, "") };
}
