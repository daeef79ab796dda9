'use client';

import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { type RestorePlanView, type RestoreRequest, restorePlanView } from '#lib/contracts/restores.ts';
import { runView } from '#lib/contracts/runs.ts';
import { api } from '../api.ts';
import { keys } from '../keys.ts';
import { putRun } from './runs.ts';

const PLANNING_POLL_MS = 700;

/** The plan, followed while the worker still looks at the target. */
export function planQuery(id: string) {
  return queryOptions({
    queryKey: keys.plans.one(id),
    queryFn: ({ signal }) => api(restorePlanView, `/restores/plans/${id}`, { signal }),
    refetchInterval: (query) => (query.state.data?.state === 'planning' ? PLANNING_POLL_MS : false),
  });
}

export function usePlanRestore() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: RestoreRequest) => api(restorePlanView, '/restores/plans', { method: 'POST', body }),
    onSuccess: (plan) => client.setQueryData<RestorePlanView>(keys.plans.one(plan.id), plan),
  });
}

/** Spends the plan; answers the restore run. */
export function useExecuteRestore() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (planId: string) => api(runView, '/restores', { method: 'POST', body: { planId } }),
    onSuccess: (run, planId) => {
      putRun(client, run);
      void client.invalidateQueries({ queryKey: keys.plans.one(planId) });
    },
  });
}
