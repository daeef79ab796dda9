/** Picture for the empty list. Not read out (EmptyState hides it). */
export function ExamplePoints() {
  const shades = ['h-3', 'h-4', 'h-3', 'h-6', 'h-4', 'h-3', 'h-5', 'h-3', 'h-4', 'h-3', 'h-8'];
  return (
    <div className="flex h-16 items-end justify-between border-b border-line-strong px-2">
      {shades.map((height, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a fixed picture
        <span key={index} className={`block w-2 rounded-t-xs bg-accent ${height}`} />
      ))}
    </div>
  );
}
