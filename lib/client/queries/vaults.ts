'use client';

import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { page } from '#lib/contracts/common.ts';
import { runView } from '#lib/contracts/runs.ts';
import { type CheckVault, type CreateVault, type UpdateVault, vaultDetail, vaultView } from '#lib/contracts/vaults.ts';
import { api, apiUrl } from '../api.ts';
import { keys } from '../keys.ts';
import { putRun } from './runs.ts';

const vaultPage = page(vaultView);
const LIST_SIZE = 200;

export function vaultsQuery() {
  return queryOptions({
    queryKey: keys.vaults.list,
    queryFn: async ({ signal }) => (await api(vaultPage, '/vaults', { query: { limit: LIST_SIZE }, signal })).items,
  });
}

export function vaultQuery(id: string) {
  return queryOptions({
    queryKey: keys.vaults.one(id),
    queryFn: ({ signal }) => api(vaultDetail, `/vaults/${id}`, { signal }),
  });
}

export function useCreateVault() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: CreateVault) => api(vaultView, '/vaults', { method: 'POST', body }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.vaults.list });
      void client.invalidateQueries({ queryKey: keys.overview });
    },
  });
}

export function useUpdateVault(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: UpdateVault) => api(vaultView, `/vaults/${id}`, { method: 'PATCH', body }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.vaults.all });
      void client.invalidateQueries({ queryKey: keys.overview });
    },
  });
}

/** Answers the check run, queued. */
export function useCheckVault(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: CheckVault) => api(runView, `/vaults/${id}/checks`, { method: 'POST', body }),
    onSuccess: (run) => putRun(client, run),
  });
}

/** Link that downloads the recovery kit; the vault then knows when that was. */
export function recoveryKitUrl(id: string): string {
  return apiUrl(`/vaults/${id}/recovery-kit`);
}

export function useKitDownloaded(id: string) {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: keys.vaults.one(id) });
    void client.invalidateQueries({ queryKey: keys.vaults.list });
    void client.invalidateQueries({ queryKey: keys.overview });
  };
}
