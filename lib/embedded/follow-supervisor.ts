// Loaded into web and worker before their own code. A supervisor that is killed with -9 cannot stop them; its end of the channel
// closes all the same, and then they stop as if it had asked, so that the next start finds port and queue free.

/** An orderly stop gets this long; then nobody waits any more. */
const PATIENCE_MS = 60_000;

if (process.channel) {
  process.once('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), PATIENCE_MS).unref();
  });
  // The channel alone must not keep a process alive that is done.
  process.channel.unref();
}
