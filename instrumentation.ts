/** Runs once in each web process, before it answers. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const [{ markPeers }, { config }] = await Promise.all([import('#lib/http/peer.ts'), import('#lib/config.ts')]);
  markPeers(config().trustProxy);
}
