// Loaded into the web server before Next (the worker does the same by itself). A supervisor that is killed with -9 cannot stop it;
// its end of the channel closes all the same, and then it stops as if it had been asked, so that the next start finds the port free.

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
