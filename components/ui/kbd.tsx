import { cx } from './cx.ts';

/** A key or a sequence of keys: "g v" shows as two. */
export function Kbd({ children, inverse = false }: { children: string; inverse?: boolean }) {
  return (
    <span className="inline-flex gap-0.5">
      {children.split(' ').map((key, index) => (
        <kbd
          // biome-ignore lint/suspicious/noArrayIndexKey: a fixed sequence in which a key may repeat
          key={index}
          className={cx(
            'inline-flex h-[18px] min-w-[18px] items-center justify-center rounded-xs border px-1 font-sans text-xs leading-none',
            inverse ? 'border-canvas/30 text-canvas' : 'border-line-strong bg-surface text-ink-2',
          )}
        >
          {key}
        </kbd>
      ))}
    </span>
  );
}
