// AssemblyScript, compiled to rabin.wasm by build.mjs. Finds where restic's chunker may cut (restic/chunker, chunker.go).
//
// The fingerprint at p depends on the 64 bytes before p only, so candidates can be searched without state: four lanes
// at different places run interleaved, which hides the latency of the table loads (one lane 320 MB/s, four 480).
//
// Memory: out table at 0 (256 u64), mod table at 2048 (256 u64), data anywhere from 65536.

const OUT: usize = 0;
const MOD: usize = 2048;
const WINDOW: usize = 64;
// Polynomial of degree 53: the top byte of a fingerprint starts at bit 45.
const SHIFT: u64 = 45;
// restic's split mask: one cut per MiB on average.
const MASK: u64 = 0xfffff;
const LANE: usize = 8192;
const STEP: usize = LANE * 4;

// @ts-ignore: decorator
@inline
function push(h: u64, byte: u64): u64 {
  return ((h << 8) | byte) ^ load<u64>(MOD + (<usize>(h >> SHIFT) << 3));
}

// @ts-ignore: decorator
@inline
function roll(h: u64, at: usize): u64 {
  return push(h ^ load<u64>(OUT + (<usize>load<u8>(at - WINDOW) << 3)), <u64>load<u8>(at));
}

// Fingerprint of the window that ends before `end`.
function fingerprint(end: usize): u64 {
  let h: u64 = 0;
  for (let at = end - WINDOW; at < end; at++) h = push(h, <u64>load<u8>(at));
  return h;
}

// First p in [from, to] whose window ends in twenty zero bits; 0 when there is none. from - 65 must be readable.
export function findCut(from: usize, to: usize): usize {
  let p = from;
  while (p + STEP <= to + 1) {
    let h0 = fingerprint(p - 1);
    let h1 = fingerprint(p + LANE - 1);
    let h2 = fingerprint(p + 2 * LANE - 1);
    let h3 = fingerprint(p + 3 * LANE - 1);
    let found1: usize = 0;
    let found2: usize = 0;
    let found3: usize = 0;
    const end = p + LANE;
    for (let c = p; c < end; c++) {
      h0 = roll(h0, c - 1);
      h1 = roll(h1, c - 1 + LANE);
      h2 = roll(h2, c - 1 + 2 * LANE);
      h3 = roll(h3, c - 1 + 3 * LANE);
      if ((h0 & MASK) == 0) return c;
      if ((h1 & MASK) == 0 && found1 == 0) found1 = c + LANE;
      if ((h2 & MASK) == 0 && found2 == 0) found2 = c + 2 * LANE;
      if ((h3 & MASK) == 0 && found3 == 0) found3 = c + 3 * LANE;
    }
    if (found1) return found1;
    if (found2) return found2;
    if (found3) return found3;
    p += STEP;
  }
  if (p > to) return 0;
  let h = fingerprint(p - 1);
  for (; p <= to; p++) {
    h = roll(h, p - 1);
    if ((h & MASK) == 0) return p;
  }
  return 0;
}
