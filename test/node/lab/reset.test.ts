/** Removing a lab: what it made, and nothing that stands elsewhere. */
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Printer } from '../../../node/regtest/demo/print.ts';
import { labReset, labStop } from '../../../node/regtest/lab/down.ts';
import { writeLab } from '../../../node/regtest/lab/labfile.ts';
import { planOfShape } from '../../../node/regtest/lab/shapes.ts';
import { labUp } from '../../../node/regtest/lab/up.ts';

let base = '';
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'ampere-reset-')));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const printer = new Printer({ write: () => true }, {});
const folder = (...names: string[]): string => {
  const path = join(base, ...names);
  mkdirSync(path, { recursive: true });
  return path;
};

/** A lab in one folder, whose file names those of another; nothing of it runs. */
const lab = async (dir: string, of: string): Promise<void> => {
  const own = (name: string) => folder(of, name);
  await writeLab(join(base, dir), {
    ...{ version: 1, created_at: 1_796_000_000, shape: 'line', channels: [] },
    chain: {
      ...{ kind: 'embedded', version: 'embedded chain', command: ['node'], url: 'http://127.0.0.1:1' },
      ...{ dir: own('chain'), cookie: join(own('chain'), '.cookie') },
    },
    nodes: [
      {
        ...{ name: 'alice', kind: 'ampere', dir: own('alice'), network: 'regtest', flags: [] },
        ...{ socket: join(own('alice'), 'rpc'), api: '127.0.0.1:2', peer: '127.0.0.1:3' },
      },
    ],
  });
};

test('a lab is removed with its folders, by whatever path it is reached', async () => {
  const dir = folder('lab');
  await lab('lab', 'lab');
  symlinkSync(dir, join(base, 'link'));
  await labReset({ dir: join(base, 'link'), env: {}, printer });
  expect([existsSync(join(dir, 'alice')), existsSync(join(dir, 'lab.json'))]).toEqual([false, false]);
});

test('a copy of a lab, and one that was moved, neither starts nor stops what is of the first one', async () => {
  for (const name of ['copy', 'moved']) {
    const dir = folder(name);
    await lab(name, 'first');
    if (name === 'moved') rmSync(join(base, 'first'), { recursive: true });
    const refused = { fault: { code: 'bad_file', field: 'dir' } };
    await expect(labStop({ dir, env: {}, printer })).rejects.toMatchObject(refused);
    await expect(labUp({ dir, env: {}, printer, plan: planOfShape('line', 2), isAsked: false })).rejects.toMatchObject(
      refused,
    );
    expect(existsSync(join(base, 'first'))).toBe(name === 'copy');
  }
});

test('a copy of a lab does not remove the folders of the first one', async () => {
  folder('copy');
  await lab('copy', 'first');
  await expect(labReset({ dir: join(base, 'copy'), env: {}, printer })).rejects.toMatchObject({
    fault: { code: 'bad_file', field: 'dir' },
  });
  expect([existsSync(join(base, 'first', 'alice')), existsSync(join(base, 'first', 'chain'))]).toEqual([true, true]);
});
