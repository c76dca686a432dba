/** Steps of channels and payments: recorded by a node, gone through again without one. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VersionedMap } from '../../amp/versions.ts';
import { systemClock } from '../../node/base/entropy.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { runCommand } from '../../node/cli/program.ts';
import { changesOf } from '../../node/replay/diff.ts';
import { type MachineRecord, readRecord, readRecords, recordOf } from '../../node/replay/record.ts';
import { openRecorder } from '../../node/replay/recorder.ts';
import { replayed } from '../../node/replay/run.ts';
import { isNamed, stepJson, stepText } from '../../node/replay/show.ts';
import { decoded, encoded, Hidden } from '../../node/replay/values.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { isGone } from '../support/garbage.ts';
import { type LocalPair, startPair } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-replay-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs the command without a terminal, or with somebody at one who answers in this order. */
const run = async (words: readonly string[], answers?: string[]) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand(words, {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    env: {},
    run: () => Promise.reject(new Error('no node is wanted')),
    ...(answers && { ask: async () => answers.shift() }),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
};

/** Two nodes, of which both record: an AMP of several shards, a payment that fails, a restart, and a force close to its end. */
const story = async (flags: Readonly<Record<string, string>>, secrets: string[]): Promise<void> => {
  const pair: LocalPair = await startPair(flags);
  const { alice, bob } = pair.nodes;
  await pair.endow('alice', 2_000_000n);
  await pair.endow('bob', 1_000_000n);
  const channel = await pair.open(1_000_000n);
  const pay = async (label: string, amount_msat: bigint) => {
    const { bolt11 } = await pair.nodes.bob.call('invoice', { amount_msat, label, description: label });
    return pair.nodes.alice.call('pay', { bolt11, shards: 3 });
  };
  await pay('one', 90_000_000n);
  await expect(pay('too much', 5_000_000_000n)).rejects.toThrow();
  await pair.restart('alice');
  await pair.reaches('alice', channel, 'CHANNELD_NORMAL');
  await pay('two', 30_000_000n);
  const { bolt11 } = await bob.call('invoice', { amount_msat: 1000n, label: 'unpaid', description: 'unpaid' });
  expect(bolt11).toBeDefined();
  for (const { node } of [alice, bob]) {
    secrets.push(hex(node.keys.identity));
    for (const { machine } of node.channels.entries.values()) {
      const core = coreOf(machine.state);
      if (core === undefined) continue;
      secrets.push(hex(core.params.seed));
      for (const key of Object.values(core.keys)) if (key instanceof Uint8Array) secrets.push(hex(key));
      for (const { secret } of core.secrets) secrets.push(hex(secret));
    }
  }
  await pair.nodes.alice.call('close', { id: channel, unilateraltimeout: 1 }).catch(() => undefined);
  await pair.mine(160);
  await pair.stop();
};

const stepsOf = (record: MachineRecord) => [...replayed(record)];

describe('recorded with secrets', () => {
  const secrets: string[] = [];
  let records: readonly MachineRecord[] = [];
  let path = '';
  beforeAll(async () => {
    path = join(dir, 'whole');
    await story({ 'dev-record': path, 'dev-record-secrets': 'true' }, secrets);
    records = readRecords(path);
  });

  test('every step of every channel and payment comes out again as it was', () => {
    expect(new Set(records.map(({ kind }) => kind))).toEqual(new Set(['channel', 'payment', 'receiver']));
    for (const record of records) {
      const steps = stepsOf(record).filter(({ what }) => what === 'step');
      expect(steps.length).toBeGreaterThan(0);
      expect(steps.flatMap(({ step, differences }) => differences.map((one) => [record.name, step, one]))).toEqual([]);
      expect(steps.every(({ isReplayed }) => isReplayed)).toBe(true);
    }
  });

  test('a channel is gone through from its opening to the end of its force close, over a restart', () => {
    const channels = records.filter(({ kind }) => kind === 'channel');
    const phases = channels.map((record) => new Set(stepsOf(record).map(({ phase }) => phase)));
    expect(phases.some((all) => ['open', 'onchain'].every((phase) => all.has(phase)))).toBe(true);
    expect(channels.some((record) => stepsOf(record).filter(({ what }) => what === 'begin').length === 2)).toBe(true);
    expect(channels.every(({ name }) => /^\d+x\d+x\d+$/.test(name))).toBe(true);
  });

  test('a step shows its input, what it changed of the state, and its effects', () => {
    const step = records
      .filter(({ kind }) => kind === 'channel')
      .flatMap(stepsOf)
      .find((one) => isNamed(one, 'update_add_htlc'));
    if (step === undefined) throw new Error('expected an HTLC');
    expect(step.changes.map(([changed]) => changed).join(' ')).toMatch(/core\.(outgoing|incoming)/);
    const text = stepText(step);
    expect(text).toMatch(/^#\d+ \d\d:\d\d:\d\d/);
    expect(
      Math.max(
        ...stepText(step, 80)
          .split('\n')
          .map(({ length }) => length),
      ),
    ).toBe(80);
    expect(text).toMatch(/ {2}state {4}core/);
    expect(stepJson(step)).toMatchObject({ replayed: true, differences: [] });
  });

  test('a recorded effect that is changed is found, and so is a changed state', async () => {
    const record = records.find(({ kind }) => kind === 'channel');
    const file = join(path, record?.file ?? '');
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    const at = lines.findIndex((line) => line.includes('commitment_signed') && line.includes('"do":"send"'));
    const spoilt = lines.map((line, i) => (i === at ? line.replace('"do":"send"', '"do":"sent"') : line));
    const other = join(dir, 'spoilt');
    await mkdir(other);
    await writeFile(join(other, 'channel-x.jsonl'), `${spoilt.join('\n')}\n`);
    const different = stepsOf(readRecord(join(other, 'channel-x.jsonl'))).filter(
      ({ differences }) => differences.length > 0,
    );
    expect(different.flatMap(({ differences }) => differences)).toEqual([
      expect.stringMatching(/effect \d+: recorded sent, replayed send/),
    ]);
    expect(await run(['replay', other])).toMatchObject({ code: 1, err: expect.stringContaining('otherwise') });
  });

  test('the command lists all machines with how many steps were made again', async () => {
    const { code, out } = await run(['replay', path]);
    expect(code).toBe(0);
    expect(out).toMatch(/^machine +name +phase +steps +made again +differ/);
    expect(out.split('\n').every((line) => line.length <= 80)).toBe(true);
    for (const { kind } of records) expect(out).toContain(kind);
  });

  test('the command goes to a step by its number, or by a name', async () => {
    const name = records.find(({ kind }) => kind === 'channel')?.name ?? '';
    const [record] = records.filter((one) => one.name === name);
    const file = record?.file ?? '';
    const until = await run(['replay', path, file, '--until', '3']);
    expect(until.out.match(/^#\d+/gm)).toEqual(['#1', '#2', '#3']);
    const named = await run(['replay', path, file, '--break-on', 'commitment_signed']);
    expect(named.out.split('\n#').at(-1)).toContain('commitment_signed');
    const json = await run(['replay', path, file, '--json', '--until', '2']);
    expect(json.out.split('\n').map((line) => JSON.parse(line).what)).toEqual(['begin', 'step', 'step']);
  });

  test('at a terminal each step waits for enter, and q ends it', async () => {
    const { file = '' } = records.find(({ kind }) => kind === 'channel') ?? {};
    expect((await run(['replay', path, file], ['', '', 'q'])).out.match(/^(?:#\d+|--)/gm)).toEqual(['--', '#1', '#2']);
    const named = await run(['replay', path, file, '--break-on', 'commitment_signed'], ['', 'q']);
    expect(named.out.match(/^#\d+/gm)?.length).toBeGreaterThan(3);
  });
});

describe('recorded without secrets', () => {
  const secrets: string[] = [];
  let path = '';
  beforeAll(async () => {
    path = join(dir, 'public');
    await story({ 'dev-record': path }, secrets);
  });

  test('no seed, key or per-commitment secret is in it, and no preimage before its HTLC was fulfilled', async () => {
    const names = await readdir(path);
    expect(secrets.length).toBeGreaterThan(20);
    const all = (await Promise.all(names.map((name) => readFile(join(path, name), 'utf8')))).join('');
    expect(all.length).toBeGreaterThan(50_000);
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
    // Preimages stand in the messages that tell them to the peer, and nowhere else.
    expect(all).toMatch(/"payment_preimage":\{"\$b"/);
    expect(all).not.toMatch(/"(?:preimage|entropy|seed|root|share|paymentSecret)":\{"\$b"/);
    expect((await stat(join(path, names[0] ?? ''))).mode & 0o777).toBe(0o600);
  });

  test('the steps are shown as they were recorded, and it is said that none is made again', async () => {
    const records = readRecords(path);
    for (const record of records)
      expect(stepsOf(record).some(({ isReplayed, differences }) => isReplayed || differences.length > 0)).toBe(false);
    const channel = records.find(({ kind }) => kind === 'channel');
    const phases = channel && stepsOf(channel).map(({ phase }) => phase);
    expect(phases).toContain('open');
    const { code, out, err } = await run(['replay', path, channel?.file ?? '']);
    expect([code, err.includes('recorded without secrets')]).toEqual([0, true]);
    expect(out).toContain('bytes, not recorded]');
  });
});

describe('a value', () => {
  const value = {
    amount: 2n ** 70n,
    bytes: Uint8Array.of(1, 2),
    map: new Map([[3n, { a: undefined }]]),
    versions: VersionedMap.of([['x', 1]]),
    set: new Set(['a']),
    far: Number.POSITIVE_INFINITY,
    list: [null, true, 'text', 1.5],
  };
  test('comes back as it was', () => {
    const back = decoded(JSON.parse(JSON.stringify(encoded(value, 'all')))) as typeof value;
    expect({ ...back, versions: [...back.versions] }).toEqual({ ...value, versions: [...value.versions] });
  });

  test('has bytes that may be secret as their length, and those of messages but for secrets', () => {
    const message = { name: 'revoke_and_ack', per_commitment_secret: unhex('0102'), channel_id: unhex('03') };
    expect(decoded(encoded({ seed: unhex('0102'), paymentHash: unhex('03'), message }, 'public'))).toEqual({
      seed: new Hidden(2),
      paymentHash: unhex('03'),
      message: { name: 'revoke_and_ack', per_commitment_secret: new Hidden(2), channel_id: unhex('03') },
    });
  });

  test('that changes is told by the smallest parts that differ', () => {
    const after = { ...value, amount: 1n, map: new Map([[4n, { a: 1 }]]), list: [null, true] };
    expect(changesOf(value, after).map(([path, , now]) => [path, now])).toEqual([
      ['amount', 1n],
      ['map[3]', undefined],
      ['map[4]', { a: 1 }],
      ['list[2]', undefined],
      ['list[3]', undefined],
    ]);
    expect(changesOf(value, { ...value })).toEqual([]);
  });
});

describe('a recorder', () => {
  const counting = (before: number, input: number): readonly [number, readonly string[]] => {
    if (input < 0) throw new RangeError('below zero');
    return [before + input, [`add ${input}`]];
  };
  const recorder = (name: string, limits: object, lines: string[] = []) =>
    openRecorder({ dir: join(dir, name), secrets: true }, { clock: systemClock, log: memoryLog(lines) }, limits);

  test('keeps a step that throws, and lets it throw', async () => {
    const step = recorder('throws', {}).wrap({ kind: 'payment', id: 'p', state: 0 }, counting);
    expect(step(0, 1, {})).toEqual([1, ['add 1']]);
    expect(() => step(1, -1, {})).toThrow('below zero');
    const { lines } = readRecord(join(dir, 'throws', 'payment-p.jsonl'));
    expect(lines.at(-1)).toMatchObject({ event: 'step', error: 'RangeError: below zero' });
  });

  test('ends a file that is full, and all of them at their limit, with a line of the log', async () => {
    const lines: string[] = [];
    const one = recorder('bounded', { file: 2_000, total: 6_000 }, lines);
    for (const id of ['a', 'b', 'c', 'd']) {
      const step = one.wrap({ kind: 'payment', id, state: 0 }, counting);
      for (let n = 0; n < 50; n++) step(n, 1, {});
    }
    const sizes = await Promise.all(
      (await readdir(join(dir, 'bounded'))).map(async (name) => (await stat(join(dir, 'bounded', name))).size),
    );
    expect(Math.max(...sizes)).toBeLessThan(2_200);
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(6_200);
    expect(lines.join('\n')).toMatch(/the record of this machine is full[\s\S]*nothing more is recorded/);
  });

  test('that cannot write costs the record, and no step', async () => {
    const lines: string[] = [];
    const step = recorder('gone', {}, lines).wrap({ kind: 'payment', id: 'p', state: 0 }, counting);
    await rm(join(dir, 'gone'), { recursive: true });
    expect(step(0, 1, {})).toEqual([1, ['add 1']]);
    expect(lines.join('\n')).toContain('nothing more is recorded; the node goes on');
  });
});

describe('a folder that is no record', () => {
  const begin =
    '{"event":"begin","time":1,"machine":"channel","id":"k","program":"x","secrets":false,"state":{},"effects":[]}';

  test.each([
    ['empty', {}, /expected 1 to 10000 files NAME.jsonl/],
    ['no JSON', { 'a.jsonl': 'x\n' }, /a.jsonl line 1: expected JSON/],
    ['another line', { 'a.jsonl': `${begin}\n{"event":"other"}\n` }, /a.jsonl line 2: expected a line of --dev-record/],
    ['no beginning', { 'a.jsonl': '{"event":"full","time":1}\n' }, /expected a record that begins with a machine/],
  ])('is refused: %s', async (name, files, why) => {
    const folder = await mkdtemp(join(dir, name.replaceAll(' ', '-')));
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
    expect(await run(['replay', folder])).toMatchObject({ code: 1, err: expect.stringMatching(why) });
  });

  test('a last line that was cut is left out, and a machine that is not there is told with those that are', async () => {
    const folder = await mkdtemp(join(dir, 'cut-'));
    await writeFile(join(folder, 'channel-k.jsonl'), `${begin}\n{"event":"st`);
    expect((await run(['replay', folder, 'k'])).err).toContain('the last line of the record is cut');
    expect(() => recordOf(readRecords(folder), folder, 'zzzz')).toThrow("no machine 'zzzz'");
    expect((await run(['replay', folder, 'zzzz'])).err).toContain('there are channel k');
  });
});

test('a machine that is recorded does not keep its first state in memory', async () => {
  const recorder = openRecorder({ dir: join(dir, 'memory'), secrets: true }, { clock: systemClock, log: memoryLog() });
  const start = () => {
    const state = { n: 1 };
    const step = recorder.wrap(
      { kind: 'payment', id: 'one', state, name: ({ n }) => `${n}` },
      (before: { readonly n: number }, input: number, _context: undefined) => [{ n: before.n + input }, []],
    );
    return { first: new WeakRef(state), step };
  };
  const { first, step } = start();
  expect(await isGone(first)).toBe(true);
  expect(step({ n: 1 }, 1, undefined)).toEqual([{ n: 2 }, []]);
});
