export type ResticPrograms = Record<'stable' | 'newest', string | undefined>;
export function resticPrograms(): ResticPrograms;
export function fetchResticPrograms(): ResticPrograms;
