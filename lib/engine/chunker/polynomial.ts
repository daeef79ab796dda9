// Polynomials over GF(2), bit i = coefficient of x^i (M. O. Rabin, "Fingerprinting by random polynomials", 1981;
// restic/chunker, polynomials.go, for degree and bounds).

import { randomBytes } from 'node:crypto';

/** Degree of a chunker polynomial: shifted by a byte it still fits 64 bits. */
export const POLYNOMIAL_DEGREE = 53;

export function degree(polynomial: bigint): number {
  return polynomial === 0n ? -1 : polynomial.toString(2).length - 1;
}

export function modulo(value: bigint, by: bigint): bigint {
  const d = degree(by);
  let rest = value;
  for (let at = degree(rest); at >= d; at = degree(rest)) rest ^= by << BigInt(at - d);
  return rest;
}

function multiplyModulo(a: bigint, b: bigint, by: bigint): bigint {
  let sum = 0n;
  let shifted = modulo(a, by);
  for (let left = b; left !== 0n; left >>= 1n) {
    if (left & 1n) sum ^= shifted;
    shifted = modulo(shifted << 1n, by);
  }
  return sum;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, modulo(x, y)];
  return x;
}

/** Ben-Or's test: no factor of degree i for any i up to half the degree, since gcd(x^(2^i) - x, P) would show it. */
export function isIrreducible(polynomial: bigint): boolean {
  const d = degree(polynomial);
  if (d < 1) return false;
  let power = 2n;
  for (let i = 1; i <= d / 2; i++) {
    power = multiplyModulo(power, power, polynomial);
    if (greatestCommonDivisor(polynomial, power ^ 2n) !== 1n) return false;
  }
  return true;
}

/** A random irreducible polynomial of degree 53 with its lowest bit set. About 1 in 53 candidates is one. */
export function randomPolynomial(random: (bytes: number) => Uint8Array = randomBytes): bigint {
  for (;;) {
    const bits = Buffer.from(random(8)).readBigUInt64LE() & ((1n << BigInt(POLYNOMIAL_DEGREE)) - 1n);
    const candidate = bits | (1n << BigInt(POLYNOMIAL_DEGREE)) | 1n;
    if (isIrreducible(candidate)) return candidate;
  }
}

export function polynomialText(polynomial: bigint): string {
  return polynomial.toString(16);
}

/** Undefined for what is not a polynomial of the right degree; whether it is irreducible is another question. */
export function parsePolynomial(text: string): bigint | undefined {
  if (!/^[0-9a-f]{1,16}$/.test(text)) return undefined;
  const polynomial = BigInt(`0x${text}`);
  return degree(polynomial) === POLYNOMIAL_DEGREE ? polynomial : undefined;
}
