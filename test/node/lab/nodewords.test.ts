/** `@NAME` on a command line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, listenUnix } from '../../../node/api/rpc/unix.ts';
import { runCommand } from '../../../node/cli/program.ts';
import { labFileIn } from '../../../node/regtest/lab/labfile.ts';
import { withNodeNames } from '../../../node/regtest/lab/nodewords.ts';
import { fakeRpc } from '../../support/api.ts';

const dir = mkdtempSync(join(tmpdir(), 'ampere-words-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const env = { AMPERE_LAB: dir };

const bob = '02'.repeat(33);
const node = (name: string, kind: string, id: string) => ({
  ...{ name, kind, id, dir: join(dir, name), network: 'regtest', socket: join(dir, name, 'rpc'), flags: [] },
  ...{ api: '127.0.0.1:20001', peer: '127.0.0.1:20002', rpc: '127.0.0.1:20003' },
});
writeFileSync(
  labFileIn(dir),
  JSON.stringify({
    ...{ version: 1, created_at: 0, shape: 'line', channels: [] },
    chain: { kind: 'embedded', version: 'v', command: ['x'], dir: '/x', url: 'http://127.0.0.1:20000', cookie: '/x/c' },
    nodes: [node('alice', 'ampere', '03'.repeat(33)), node('bob', 'ampere', bob), node('lou', 'lnd', '02'.repeat(33))],
  }),
);
const alice = ['--dir', join(dir, 'alice'), '--network', 'regtest'];

describe('names of nodes on a command line', () => {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ['a name that stands first says which node is called', '@alice listpays', [...alice, 'listpays']],
    ['so does its beginning', '@a listpays', [...alice, 'listpays']],
    ['it may stand behind a switch', '--json @alice listpays', [...alice, '--json', 'listpays']],
    ['behind the method a name is an id', '@alice keysend @bob 5', [...alice, 'keysend', bob, '5']],
    ['so it is as a value', '@alice keysend destination=@bob 5', [...alice, 'keysend', `destination=${bob}`, '5']],
    ['connect has its address, too', '@alice connect @bob', [...alice, 'connect', `${bob}@127.0.0.1:20002`]],
    ['what names no node stays as it is', '@alice invoice 5 l @home', [...alice, 'invoice', '5', 'l', '@home']],
    ['commands of the lab take names themselves', 'lab pay @a @bob 5', ['lab', 'pay', '@a', '@bob', '5']],
    ['so does the faucet', 'faucet @bob', ['faucet', '@bob']],
    ['words without a name are left alone', 'getinfo', ['getinfo']],
  ];
  test.each(rows)('%s: %s', async (_, words, meant) => {
    expect(await withNodeNames(words.split(' '), env)).toEqual(meant);
  });

  test('without a lab a name behind a method stays as it is, and one that stands first is told of', async () => {
    const nowhere = { AMPERE_LAB: join(dir, 'nowhere') };
    expect(await withNodeNames(['keysend', '@bob'], nowhere)).toEqual(['keysend', '@bob']);
    await expect(withNodeNames(['@bob', 'getinfo'], nowhere)).rejects.toThrow('there is no lab');
  });

  test('an lnd is not called, and the error says how it is', async () => {
    await expect(withNodeNames(['@lou', 'getinfo'], env)).rejects.toThrow('lncli --lnddir=');
  });
});

describe('a call by name', () => {
  const ampere = async (line: string) => {
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    const run = () => Promise.reject(new Error('no node is to be started'));
    const code = await runCommand(line.split(' '), { out: say, err: say, env, run });
    return { code, said: said.join(' ').replace(/\s+/g, ' ') };
  };
  let server: ApiServer;
  beforeAll(async () => {
    server = await listenUnix(
      join(dir, 'alice', 'regtest', 'lightning-rpc'),
      fakeRpc({ newaddr: async () => ({ bech32: 'bcrt1q' }) }).answer,
    );
  });
  afterAll(() => server.close());

  test('says what comes next in words that call the same node', async () => {
    const place = `--dir ${join(dir, 'alice')} --network regtest`;
    expect((await ampere('@alice newaddr')).said).toContain(': ampere @alice listfunds shows them');
    expect((await ampere(`${place} newaddr`)).said).toContain(`: ampere ${place} listfunds shows them`);
  });

  test('that is refused for a name of no node tells of that name as where it stands first', async () => {
    const { code, said } = await ampere('@alice keysend @bib 5');
    expect(code).toBe(1);
    expect(said).toContain('the lab has no node bib: it has alice, bob, lou; is bob meant?');
    expect((await ampere('@bib getinfo')).said).toContain('the lab has no node bib: it has alice, bob, lou');
    expect((await ampere('@alice keysend @bo 5')).said).toContain('the name of a node stands whole: @bob');
    expect((await ampere('@alice keysend 5 5')).said).not.toContain('ampere:');
  });
});
