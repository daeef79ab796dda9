import type { ReactNode } from 'react';
import { Wordmark } from '#components/shell/brand.tsx';

/** Before the console proper: one column, nothing to distract. */
export default function AuthLayout({ children }: { children: ReactNode }) {
  return (
    <div className="mx-auto flex min-h-dvh w-full max-w-[620px] flex-col px-5 pt-[clamp(2rem,9dvh,6rem)] pb-12">
      <header className="mb-8">
        <Wordmark />
      </header>
      <main id="main">{children}</main>
    </div>
  );
}
