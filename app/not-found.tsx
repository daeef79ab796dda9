import { Wordmark } from '#components/shell/brand.tsx';
import { ButtonLink } from '#components/ui/button.tsx';

export default function NotFound() {
  return (
    <div className="mx-auto flex min-h-dvh w-full max-w-[620px] flex-col px-5 pt-[clamp(2rem,9dvh,6rem)]">
      <title>Nothing here · Holdfast</title>
      <header className="mb-8">
        <Wordmark />
      </header>
      <main id="main">
        <h1 className="text-xl font-semibold">There is nothing at this address</h1>
        <p className="mt-0.5 mb-4 text-base text-ink-2">
          It may have been deleted, or the link is incomplete. Nothing was changed by opening it.
        </p>
        <ButtonLink href="/" variant="primary">
          Overview
        </ButtonLink>
      </main>
    </div>
  );
}
