import { AppError } from '#lib/errors.ts';

const ENTER = /[\r\n]/;
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const BACKSPACE = /[\b\u007f]/;

/** Asks on the terminal without showing what is typed; twice when a new password is chosen. `hint`: other ways to give it. */
export async function askPassword(
  confirm: boolean,
  prompt = confirm ? 'Password for the new repository: ' : 'Password of the repository: ',
  hint = 'Give it with --password-file, RESTIC_PASSWORD_FILE or RESTIC_PASSWORD.',
): Promise<string> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new AppError('invalid-input', {
      message: 'No password was given and there is no terminal to ask on.',
      hint,
    });
  }
  const password = await readHidden(prompt);
  if (confirm && (await readHidden('The same password again: ')) !== password) {
    throw new AppError('invalid-input', 'The two passwords differ; nothing was done.');
  }
  return password;
}

function readHidden(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed = '';
    const end = (settle: () => void) => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      settle();
    };
    const onData = (text: string) => {
      for (const char of text) {
        if (ENTER.test(char)) return end(() => resolve(typed));
        if (char === CTRL_C || char === CTRL_D) {
          return end(() => reject(new AppError('cancelled', 'No password was given.')));
        }
        typed = BACKSPACE.test(char) ? typed.slice(0, -1) : typed + char;
      }
    };
    stdin.on('data', onData);
  });
}
