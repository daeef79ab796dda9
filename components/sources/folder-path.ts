// A path that is being typed, split into the folder to list and the beginning of a name in it.

export interface TypedPath {
  folder: string;
  prefix: string;
}

export function splitTyped(path: string): TypedPath {
  if (!path.startsWith('/')) return { folder: '/', prefix: path };
  const cut = path.lastIndexOf('/');
  return { folder: cut === 0 ? '/' : path.slice(0, cut), prefix: path.slice(cut + 1) };
}

/** "/var//www/" → "/var/www": what is kept. The root stays "/". */
export function tidyPath(path: string): string {
  const tidy = path.trim().replace(/\/+/g, '/');
  return tidy.length > 1 && tidy.endsWith('/') ? tidy.slice(0, -1) : tidy;
}

export function parentOf(path: string): string {
  const tidy = tidyPath(path);
  const cut = tidy.lastIndexOf('/');
  return cut <= 0 ? '/' : tidy.slice(0, cut);
}

/** Last name of the path; the machine's root has none. */
export function baseName(path: string): string {
  return tidyPath(path).split('/').at(-1) ?? '';
}

/** Name for a source of this folder: "web-1 /srv/www" would be long, "www" says little; the last two names say most. */
export function suggestSourceName(path: string, host: string, manyHosts: boolean): string {
  const names = tidyPath(path)
    .split('/')
    .filter((name) => name !== '');
  const folder = names.length === 0 ? 'everything' : names.slice(-2).join('/');
  return (manyHosts || names.length === 0 ? `${host} ${folder}` : folder).slice(0, 80);
}
