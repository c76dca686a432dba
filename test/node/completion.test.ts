/** The scripts of `ampere completion`, run by the shells they are for. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

/** A shell's program: a lab of two nodes, and for each line a mark and its candidates. */
const programs: Readonly<Record<string, (lines: readonly string[]) => string>> = {
  bash: (lines) => `
    ampere() { [ "$*" = 'completion names' ] && printf '@alice\\n@bob\\n'; }
    source ${join(dir, 'bash')}
    ask() { printf '= %s\\n' "$1"; COMP_LINE=$1 COMP_POINT=\${#1}; _ampere; printf '%s\\n' "\${COMPREPLY[@]}"; }
    ${lines.map((line) => `ask '${line}'`).join('\n')}`,
  // Its own compadd works in its line editor alone.
  zsh: (lines) => `
    autoload -U compinit; compinit -u -D
    ampere() { [ "$*" = 'completion names' ] && printf '@alice\\n@bob\\n'; }
    source ${join(dir, 'zsh')}
    compadd() { [ "\${@[-1]}" = open ] && print -l -- $open || print -l -- $found; }
    _files() { }
    ask() {
      print -r -- "= $1"
      words=(\${(z)1})
      [[ $1 = *' ' ]] && words+=('')
      CURRENT=\${#words}
      _ampere
    }
    ${lines.map((line) => `ask '${line}'`).join('\n')}`,
};

/** The candidates of each line. */
const candidates = async (shell: string, lines: readonly string[]): Promise<Record<string, readonly string[]>> => {
  const { stdout } = await execute(shell, ['-c', programs[shell]?.(lines) ?? '']);
  const found: Record<string, string[]> = {};
  let last: string[] = [];
  for (const one of stdout.split('\n')) {
    if (one.startsWith('= ')) {
      last = [];
      found[one.slice(2)] = last;
    } else if (one !== '') last.push(one);
  }
  return found;
};

const expected: Readonly<Record<string, readonly string[]>> = {
  'ampere listpe': ['listpeers', 'listpeerchannels'],
  'ampere --dir /somewhere --json getin': ['getinfo'],
  'ampere @': ['@alice', '@bob'],
  'ampere @alice fundchannel @b': ['@bob'],
  'ampere @alice setcha': ['setchannel'],
  'ampere keysend dest': ['destination='],
  'ampere keysend destination=@a': ['destination=@alice'],
  'ampere pay --max': ['--maxfeepercent', '--maxdelay', '--maxfee', '--maxoverpayment'],
  'ampere invoice amp=': ['amp=eob', 'amp=deployed'],
  'ampere listpays status=c': ['status=complete'],
  'ampere pay strategy=f': ['strategy=flow'],
  'ampere pay --strategy ha': ['halving'],
  'ampere simulate --strategies fl': ['flow'],
  'ampere simulate --strategies single,co': ['single,congestion'],
  'ampere simulate --schemes=th': ['--schemes=threshold'],
  'ampere simulate --status ': ['none', 'perfect', 'distant'],
  'ampere start --log': ['--log-level', '--log-file'],
  'ampere lab up --sh': ['--shape'],
  'ampere lab st': ['status', 'stop'],
  'ampere help keys': ['keysend'],
  'ampere completion ': ['bash', 'zsh'],
  'ampere getinfo --wi': ['--wide'],
  'ampere decode lnbc': [],
  'ampere nosuchmethod x': [],
};

test('a shell completes commands, methods, parameters, their values, options and names of nodes', async () => {
  expect(shells).toContain('bash');
  for (const shell of shells) {
    // Bash takes a word apart at =, and completes what stands behind.
    const shown = (word: string): string => (shell === 'bash' ? word.replace(/^.*=(?=.)/, '') : word);
    const whole = Object.entries(expected).map(([line, words]) => [line, words.map(shown)]);
    const found = await candidates(shell, Object.keys(expected));
    expect({ shell, found }).toEqual({ shell, found: Object.fromEntries(whole) });
  }
});

test('names of nodes are those of the lab, and none where there is no lab', async () => {
  expect(await command(['completion', 'names'], { AMPERE_LAB: dir })).toEqual({ code: 0, out: '', err: '' });
});

test('another shell is refused with those there are', async () => {
  const { code, err } = await command(['completion', 'fish']);
  expect(code).toBe(2);
  expect(err).toContain('expected bash or zsh');
});
