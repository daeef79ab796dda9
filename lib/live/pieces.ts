// Cuts a text into pieces that fit a NOTIFY payload, and joins them again.
// A piece is "<id> <index> <count> <text>"; a text that fits whole travels as "- <text>".

/** Bytes of UTF-8 in one payload: below PostgreSQL's 8,000 with room for the head of a piece. */
const MOST_BYTES = 7_800;
/** Beyond this many unfinished texts the oldest is dropped: a sender died halfway through. */
const MOST_UNFINISHED = 100;

export function split(text: string, id: string): string[] {
  const bytes = Buffer.from(text);
  if (bytes.length <= MOST_BYTES) return [`- ${text}`];
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    let end = Math.min(at + MOST_BYTES, bytes.length);
    // Back to the start of a character: bytes 10xxxxxx continue one.
    while (end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) end--;
    parts.push(bytes.toString('utf8', at, end));
    at = end;
  }
  return parts.map((part, index) => `${id} ${index} ${parts.length} ${part}`);
}

export class Reassembly {
  #unfinished = new Map<string, string[]>();

  /** The whole text once its last piece has come, else undefined. Pieces of one text come in order. */
  add(payload: string): string | undefined {
    if (payload.startsWith('- ')) return payload.slice(2);
    const head = /^(\S+) (\d+) (\d+) /.exec(payload);
    if (!head) return undefined;
    const [whole, id, index, count] = head as unknown as [string, string, string, string];
    const parts = this.#unfinished.get(id) ?? [];
    if (parts.length !== Number(index)) {
      this.#unfinished.delete(id);
      return undefined;
    }
    parts.push(payload.slice(whole.length));
    if (parts.length === Number(count)) {
      this.#unfinished.delete(id);
      return parts.join('');
    }
    this.#unfinished.set(id, parts);
    if (this.#unfinished.size > MOST_UNFINISHED) {
      const oldest = this.#unfinished.keys().next().value;
      if (oldest !== undefined) this.#unfinished.delete(oldest);
    }
    return undefined;
  }
}
