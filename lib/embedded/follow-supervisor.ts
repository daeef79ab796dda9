// Loaded into the web server before Next (the worker does the same by itself). A supervisor that is killed with -9 cannot stop it;
// its end of the channel closes all the same, and then it stops as if it had been asked, so that the next start finds the port free.
//
// The address names the supervisor, because processes that the web server forks load this too (Node hands --import on, and
// `next dev` works in a fork): their channel leads to their own parent, and with it unreferenced they would end at once.

/** An orderly stop gets this long; then nobody waits any more. */
const PATIENCE_MS = 60_000;

const supervisor = Number(new URL(import.meta.url).searchParams.get('supervisor'));

if (process.channel && process.ppid === supervisor) {
  process.once('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), PATIENCE_MS).unref();
  });
  // The channel alone must not keep a process alive that is done.
  process.channel.unref();
}
