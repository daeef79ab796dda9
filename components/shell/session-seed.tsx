'use client';

import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { sessionQuery } from '#lib/client/queries/session.ts';
import type { SessionView } from '#lib/contracts/access.ts';

/** The server already knows who this is: no button may pop in a moment later because the page had to ask. */
export function SessionSeed({ session, children }: { session: SessionView; children: ReactNode }) {
  const client = useQueryClient();
  useState(() => client.setQueryData(sessionQuery().queryKey, session));
  return children;
}
