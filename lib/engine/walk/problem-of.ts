/** What a person is told about an entry that the file system refused. */
export function problemOf({ code, message }: NodeJS.ErrnoException): { vanished: boolean; message: string } {
  const said = (text: string, vanished = false) => ({ vanished, message: text });
  switch (code) {
    case 'ENOENT':
    case 'ESTALE':
      return said('It was there when its folder was listed and gone when it was to be read.', true);
    case 'EACCES':
    case 'EPERM':
      return said('Permission denied.');
    case 'ELOOP':
      return said('It was replaced by a symbolic link while being read.');
    default:
      return said(`The system said: ${message.replace(/, \w+( '.*')?$/s, '')}.`);
  }
}
