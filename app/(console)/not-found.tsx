import { PageHead } from '#components/shell/page-head.tsx';
import { ButtonLink } from '#components/ui/button.tsx';

export default function NotFoundInConsole() {
  return (
    <>
      <PageHead
        title="There is nothing at this address"
        tabTitle="Nothing here"
        truth="It may have been deleted, or the link is incomplete. Nothing was changed by opening it."
      />
      <ButtonLink href="/">Overview</ButtonLink>
    </>
  );
}
