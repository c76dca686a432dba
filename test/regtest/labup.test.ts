/** `ampere lab` as a person runs it: brought up, paid over, killed, brought up again, removed. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runToEnd } from '../../node/regtest/demo/run.ts';
import { built, isAlive, whyNoChain } from '../support/regtest.ts';

const parent = mkdtempSync(join(tmpdir(), 'ampere-lab-'));
const dir = join(parent, 'lab');
// A home of its own, but the bitcoind that is there already: it is not fetched once more.
const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
const env = { ...process.env, AMPERE_LAB: dir, HOME: parent, XDG_CACHE_HOME: cache };

/** Runs `ampere` with these words. */
const ampere = (...words: readonly string[]) =>
  runToEnd([process.execPath, built('node/main.js'), ...words], { env, timeout: 240_000 });

/** What it writes to standard output, where it must succeed. */
const said = async (...words: readonly string[]): Promise<string> => {
  const { code, out, err } = await ampere(...words);
  if (code !== 0) throw new Error(`ampere ${words.join(' ')} ended with ${code}:\n${out}${err}`);
  return out;
};

const names = ['alice', 'bob', 'carol'] as const;
const pidsNow = (): readonly number[] =>
  [...names, 'chain'].map((name) => Number(readFileSync(join(dir, name, 'pid'), 'utf8')));

/** Whether a process does anything: one that ended and that nobody has asked about yet has no command line. */
const isRunning = (pid: number): boolean => {
  try {
    return isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
};

const status = z.object({
  chain: z.object({ height: z.number().optional() }),
  nodes: z.array(z.object({ name: z.string(), state: z.string(), coins_sat: z.number().optional() })),
  channels: z.array(
    z.object({ from: z.string(), to: z.string(), usable: z.boolean(), to_msat: z.number().optional() }),
  ),
});
const statusNow = async () => status.parse(JSON.parse(await said('lab', 'status', '--json')));

let missing: string | undefined;
let ups: readonly Awaited<ReturnType<typeof ampere>>[] = [];

beforeAll(async () => {
  missing = await whyNoChain();
  if (missing !== undefined) return;
  const up = ['lab', 'up', '--nodes', '3', '--shape', 'line'];
  ups = await Promise.all([ampere(...up), ampere(...up)]);
});

afterAll(async () => {
  if (existsSync(join(dir, 'lab.json'))) await ampere('lab', 'reset', '--yes');
  rmSync(parent, { recursive: true, force: true });
});

describe('a lab', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  test('two who bring a lab up at once get one lab, and one of them waits for the other', () => {
    for (const { code, out, err } of ups) expect({ code, said: out + err }).toMatchObject({ code: 0 });
    expect(ups.filter(({ out }) => out.includes('is at work on this lab: waiting'))).toHaveLength(1);
    expect(new Set(pidsNow()).size).toBe(4);
  });

  test('a lab that is up has its nodes running and its channels usable, and says so in 80 columns', async () => {
    const { nodes, channels } = await statusNow();
    expect(nodes.map(({ name, state }) => `${name} ${state}`)).toEqual(names.map((name) => `${name} running`));
    expect(channels.map(({ from, to, usable }) => `${from}-${to} ${usable}`)).toEqual([
      'alice-bob true',
      'bob-carol true',
    ]);
    const lines = (await said('lab', 'status')).split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test('a node of a lab pays another by every scheme, both named by one letter', async () => {
    const rows = [
      ...['fixed', 'dynamic', 'tree', 'threshold', 'deployed'].map((scheme) => [scheme, 2] as const),
      ...['single', 'invoice'].map((scheme) => [scheme, 1] as const),
    ];
    await Promise.all(
      rows.map(async ([scheme, shards]) => {
        const parts = shards === 1 ? [] : ['--shards', '2'];
        const out = await said('lab', 'pay', 'a', 'c', '20000sat', '--scheme', scheme, ...parts);
        expect(out).toContain(`alice paid carol 20,000 sat (${scheme}) in ${shards} HTLC`);
        expect(out).toContain('alice → bob → carol');
      }),
    );
  });

  test('a node of a lab is called by its name, and a name behind a method is its node id', async () => {
    const { id } = z.object({ id: z.string() }).parse(JSON.parse(await said('@carol', 'getinfo', '--json')));
    const paid: unknown = JSON.parse(await said('--json', '@b', 'keysend', '@carol', '5000sat'));
    expect(z.object({ destination: z.string() }).parse(paid).destination).toBe(id);
  });

  test('blocks and coins are to be had by a word, and nodes have read them when it answers', async () => {
    const before = await statusNow();
    expect(await said('mine', '2')).toContain(`block ${(before.chain.height ?? 0) + 2}`);
    await said('faucet', 'b', '123456sat');
    const after = await statusNow();
    expect((after.nodes[1]?.coins_sat ?? 0) - (before.nodes[1]?.coins_sat ?? 0)).toBe(123_456);
  });

  test('what is wrong is said in a sentence: a name, another shape, a shape that is none', async () => {
    const rows: readonly (readonly [readonly string[], string])[] = [
      [['@erin', 'getinfo'], 'the lab has no node erin: it has alice, bob, carol'],
      [['lab', 'pay', 'a', 'a', '5sat'], 'expected another node than alice'],
      [['lab', 'up', '--shape', 'ring'], 'is another one (line: alice, bob, carol)'],
      [['lab', 'up', '--shape', 'rnig'], 'is ring meant?'],
      [['lab', 'reset'], 'expected --yes'],
    ];
    await Promise.all(
      rows.map(async ([words, expected]) => {
        const { code, err } = await ampere(...words);
        expect({ words, code, err }).toMatchObject({ code: 1, err: expect.stringContaining(expected) as unknown });
      }),
    );
  });

  test('a lab whose processes were all killed comes back with its blocks, balances and channels', async () => {
    const before = await statusNow();
    const pids = pidsNow();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    expect((await statusNow()).nodes.map(({ state }) => state)).toEqual(Array(3).fill('not running'));
    expect((await ampere('lab', 'pay', 'a', 'c', '5sat')).err).toContain('`ampere lab up` starts it');
    await said('lab', 'up');
    expect(pidsNow().filter((pid) => pids.includes(pid))).toEqual([]);
    const after = await statusNow();
    expect(after.channels).toEqual(before.channels);
    expect(after.nodes).toEqual(before.nodes);
    expect(await said('lab', 'pay', 'c', 'a', '20000sat', '--scheme', 'tree')).toContain('carol paid alice');
  });

  test('a node that cannot start is named with the end of its log, and starts once that is mended', async () => {
    const pids = pidsNow();
    await said('lab', 'stop');
    expect(pids.filter(isRunning)).toEqual([]);
    const seed = join(dir, 'alice', 'regtest', 'seed');
    renameSync(seed, `${seed}.away`);
    const { code, err } = await ampere('lab', 'up');
    expect(code).toBe(1);
    expect(err).toMatch(/alice ended\. The end of .*alice\/log:\n[\s\S]*seed/);
    renameSync(`${seed}.away`, seed);
    await said('lab', 'up');
    expect((await statusNow()).channels.every(({ usable }) => usable)).toBe(true);
  });

  test('the web page of a lab is served by one process, which gives a new link to whoever asks, good for one use', async () => {
    const links = [(await said('lab', 'page')).trim(), (await said('lab', 'page')).trim()];
    expect(links[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/open\/[0-9a-f]{32}$/);
    expect(new URL(links[0] ?? '').origin).toBe(new URL(links[1] ?? '').origin);
    expect((await fetch(links[0] ?? '')).status).toBe(200);
    expect((await fetch(links[0] ?? '')).status).toBe(403);
    expect((await fetch(links[1] ?? '')).status).toBe(200);
  });

  test('a lab that is reset leaves no process and no file', async () => {
    const pids = [...pidsNow(), Number(readFileSync(join(dir, 'page', 'pid'), 'utf8'))];
    await said('lab', 'reset', '--yes');
    expect(pids.filter(isRunning)).toEqual([]);
    expect(existsSync(dir)).toBe(false);
    expect((await ampere('lab', 'status')).err).toContain('there is no lab in');
  });
});
