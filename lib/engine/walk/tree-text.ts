// A tree blob from nodes that are JSON already: the other half of format/tree.ts, for a writer whose nodes come from
// several threads as text.

/** Joined in slices: one string of a million nodes could exceed V8's longest string (512 MiB). */
const SLICE_CHARACTERS = 1 << 20;

/** `nodes` ascending by name; an empty string is an entry that was left out. */
export function treeFromNodeTexts(nodes: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  let text = '{"nodes":[';
  let first = true;
  for (const node of nodes) {
    if (node === '') continue;
    text += first ? node : `,${node}`;
    first = false;
    if (text.length > SLICE_CHARACTERS) {
      parts.push(Buffer.from(text));
      text = '';
    }
  }
  const last = Buffer.from(`${text}]}\n`);
  return parts.length === 0 ? last : Buffer.concat([...parts, last]);
}
