export function buildChunker(): boolean;
