/** lab.json, read and written; nodes by name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LabError } from '../../../node/regtest/lab/laberror.ts';
import { type LabFile, labFileIn, labFolder, openLab, readLab, writeLab } from '../../../node/regtest/lab/labfile.ts';
import { nodeNamed } from '../../../node/regtest/lab/names.ts';

const dir = mkdtempSync(join(tmpdir(), 'ampere-labfile-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const sample: LabFile = {
  version: 1,
  created_at: 1_796_000_000,
  shape: 'line',
  chain: {
    kind: 'embedded',
    version: 'embedded chain',
    command: ['node', 'main.js', 'chain'],
    dir: '/lab/chain',
    url: 'http://127.0.0.1:20100',
    cookie: '/lab/chain/.cookie',
  },
  nodes: ['alice', 'bob'].map((name, i) => ({
    name,
    kind: 'ampere',
    dir: `/lab/${name}`,
    network: 'regtest',
    socket: `/lab/${name}/regtest/lightning-rpc`,
    api: `127.0.0.1:${20_101 + 2 * i}`,
    peer: `127.0.0.1:${20_102 + 2 * i}`,
    flags: [],
  })),
  channels: [{ from: 'alice', to: 'bob', capacity_sat: 1_000_000n, push_sat: 500_000n }],
};

describe('lab.json', () => {
  test('a lab is read back as it was written', async () => {
    await writeLab(dir, sample);
    expect(await readLab(dir)).toEqual(sample);
  });

  const rows: readonly (readonly [string, unknown, string])[] = [
    ['no JSON', '{', 'the file'],
    ['a version of another time', { ...sample, version: 2 }, 'version'],
    ['an address of another machine', { ...sample, nodes: [{ ...sample.nodes[0], api: '10.0.0.1:1' }] }, 'nodes.0.api'],
    ['a name that is a path', { ...sample, nodes: [{ ...sample.nodes[0], name: '../x' }] }, 'nodes.0.name'],
    ['more nodes than a lab has', { ...sample, nodes: Array(27).fill(sample.nodes[0]) }, 'nodes'],
  ];
  test.each(rows)('a lab.json with %s is refused, and the field named', async (_, content, field) => {
    const text =
      typeof content === 'string'
        ? content
        : JSON.stringify(content, (_key, one) => (typeof one === 'bigint' ? String(one) : one));
    writeFileSync(labFileIn(dir), text);
    const error = await readLab(dir).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LabError);
    expect((error as LabError).fault).toMatchObject({ code: 'bad_file', field });
  });

  test('a folder without one has no lab, and says how to make one', async () => {
    const empty = join(dir, 'nowhere');
    expect(await readLab(empty)).toBeUndefined();
    await expect(openLab(empty)).rejects.toThrow('`ampere lab up` makes one');
  });

  test('the folder of the lab is AMPERE_LAB, or one below ~/.ampere', () => {
    expect(labFolder({ AMPERE_LAB: '/somewhere' })).toBe('/somewhere');
    expect(labFolder({})).toBe(join(homedir(), '.ampere', 'lab'));
  });
});

describe('nodes of a lab by name', () => {
  const nodes = ['alice', 'bob', 'bobby', 'carol'].map((name) => ({ name }));

  test.each([
    ['alice', 'alice'],
    ['a', 'alice'],
    ['@c', 'carol'],
    ['bob', 'bob'],
    ['bobb', 'bobby'],
  ])('the word %s names the node %s', (word, name) => {
    expect(nodeNamed(nodes, word).name).toBe(name);
  });

  test.each([
    ['b', 'b may be bob or bobby'],
    ['x', 'it has alice, bob, bobby, carol'],
    ['carl', 'is carol meant?'],
    ['@', 'it has alice'],
  ])('the word %s names no node, and the error says which there are', (word, said) => {
    expect(() => nodeNamed(nodes, word)).toThrow(said);
  });
});
