import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { UsageError } from './command.ts';

/** Far above any key or password. */
const LENGTH_MAX = 10_000;

/**
 * Reads a secret that must not stand on the command line, where other users of the machine and the shell's history would see it:
 * typed without being shown, or piped in. A line end behind it is not part of it.
 *
 * @throws UsageError when there is nothing.
 */
export async function readSecret(prompt: string): Promise<string> {
  const text = process.stdin.isTTY ? await ask(prompt) : await readPiped();
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new UsageError(`${prompt}: nothing was given. Type it, or pipe it in.`);
  return secret;
}

async function ask(prompt: string): Promise<string> {
  process.stderr.write(`${prompt}: `);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: unseen, terminal: true });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}

async function readPiped(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > LENGTH_MAX) throw new UsageError('That is too long to be a secret.');
  }
  return text;
}
