/** The scripts of `ampere completion`, run by the shells they are for. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../node/cli/program.ts';

const execute = promisify(execFile);

const command = async (words: readonly string[], env = {}) => {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand(words, {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    env,
    run: async () => ({ ended: Promise.resolve() }),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
};

let dir = '';
const shells: string[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-completion-'));
  for (const shell of ['bash', 'zsh']) {
    await writeFile(join(dir, shell), (await command(['completion', shell])).out);
    const isThere = await execute(shell, ['--version']).then(
      () => true,
      () => false,
    );
    if (isThere) shells.push(shell);
    else process.stderr.write(`${shell} is not on the path: its completion is not run\n`);
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What each shell is told of itself: a lab of two nodes, the line that was typed, and how its candidates are read. */
const asked: Readonly<Record<string, (line: string) => string>> = {
  bash: (line) => `
    ampere() { [ "$*" = 'completion names' ] && printf '@alice\\n@bob\\n'; }
    source ${join(dir, 'bash')}
    COMP_LINE='${line}' COMP_POINT=${line.length}
    _ampere
    printf '%s\\n' "\${COMPREPLY[@]}"`,
  // Its own compadd works in its line editor alone.
  zsh: (line) => `
    autoload -U compinit; compinit -u -D
    ampere() { [ "$*" = 'completion names' ] && printf '@alice\\n@bob\\n'; }
    source ${join(dir, 'zsh')}
    compadd() { [ "\${@[-1]}" = open ] && print -l -- $open || print -l -- $found; }
    _files() { }
    words=(\${(z):-'${line}'})
    [[ '${line}' = *' ' ]] && words+=('')
    CURRENT=\${#words}
    _ampere`,
};

const candidates = async (shell: string, line: string): Promise<readonly string[]> => {
  const { stdout } = await execute(shell, ['-c', asked[shell]?.(line) ?? '']);
  return stdout.split('\n').filter((one) => one !== '');
};

describe('in a shell', () => {
  test.each([
    ['ampere listpe', ['listpeers', 'listpeerchannels']],
    ['ampere --dir /somewhere --json getin', ['getinfo']],
    ['ampere @', ['@alice', '@bob']],
    ['ampere @alice fundchannel @b', ['@bob']],
    ['ampere @alice setcha', ['setchannel']],
    ['ampere keysend dest', ['destination=']],
    ['ampere keysend destination=@a', ['destination=@alice']],
    ['ampere pay --max', ['--maxfeepercent', '--maxdelay', '--maxfee', '--maxoverpayment']],
    ['ampere invoice amp=', ['amp=eob', 'amp=deployed']],
    ['ampere listpays status=c', ['status=complete']],
    ['ampere start --log', ['--log-level', '--log-file']],
    ['ampere lab up --sh', ['--shape']],
    ['ampere lab st', ['status', 'stop']],
    ['ampere help keys', ['keysend']],
    ['ampere completion ', ['bash', 'zsh']],
    ['ampere getinfo --wi', ['--wide']],
    ['ampere decode lnbc', []],
    ['ampere nosuchmethod x', []],
  ])('%s has its candidates', async (line, expected) => {
    expect(shells).toContain('bash');
    for (const shell of shells) {
      // Bash takes a word apart at =, and completes what stands behind.
      const whole = shell === 'bash' ? expected.map((word) => word.replace(/^.*=(?=.)/, '')) : expected;
      expect({ shell, found: await candidates(shell, line) }).toEqual({ shell, found: whole });
    }
  });
});

test('names of nodes are those of the lab, and none where there is no lab', async () => {
  expect(await command(['completion', 'names'], { AMPERE_LAB: dir })).toEqual({ code: 0, out: '', err: '' });
});

test('another shell is refused with those there are', async () => {
  const { code, err } = await command(['completion', 'fish']);
  expect(code).toBe(2);
  expect(err).toContain('expected bash or zsh');
});
