import { listFolder } from '#lib/sources/directory/list-folder.ts';
import type { JobHandlers } from '../runtime.ts';

export const handleListFolder: JobHandlers['list-folder'] = ({ path, hidden }) => listFolder(path, hidden);
