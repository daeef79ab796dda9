import { AppError } from '#lib/errors.ts';
import { route } from '#lib/http/route.ts';

const nothing = route({ permission: 'public', summary: 'Whatever is not an endpoint' }, () => {
  throw new AppError('not-found', 'There is nothing at this address.');
});

export const dynamic = 'force-dynamic';
export { nothing as DELETE, nothing as GET, nothing as PATCH, nothing as POST, nothing as PUT };
