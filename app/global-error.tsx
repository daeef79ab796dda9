'use client';

// Stands in for the whole document when even the frame broke: so it leans on nothing of ours.
export default function GlobalError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <html lang="en">
      <body style={{ fontFamily: 'system-ui, sans-serif', maxWidth: '60ch', margin: '10vh auto', padding: '0 1rem' }}>
        <title>Holdfast could not be shown</title>
        <h1 style={{ fontSize: '1.25rem' }}>The console could not be shown</h1>
        <p>
          Backups and restores go on without it. Try again; if it stays, look into the terminal of the web process
          {error.digest === undefined ? '.' : ` for ${error.digest}.`}
        </p>
        <button type="button" onClick={reset}>
          Try again
        </button>
      </body>
    </html>
  );
}
