/** A holdfast: what kelp grips the rock with. */
export function BrandMark({ className = 'size-5' }: { className?: string }) {
  return (
    <svg viewBox="0 0 20 20" className={className} aria-hidden="true" fill="none" stroke="currentColor">
      <path d="M10 1.5v7" strokeWidth="2.4" strokeLinecap="round" />
      <path
        d="M10 7.5v11M10 7.5c0 4-5 4.2-7.5 9M10 7.5c0 4 5 4.2 7.5 9"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <path d="M6.2 12.2c.6 1.6.3 3.6-.4 5.3M13.8 12.2c-.6 1.6-.3 3.6.4 5.3" strokeWidth="1.4" strokeLinecap="round" />
    </svg>
  );
}

export function Wordmark() {
  return (
    <span className="inline-flex items-center gap-2 text-ink">
      <BrandMark className="size-5 text-accent" />
      <span className="text-lg leading-none font-semibold tracking-[-0.01em]">Holdfast</span>
    </span>
  );
}
