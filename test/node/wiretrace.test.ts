/** The trace of wire messages: what is shown of each, in a file and to whoever follows it live. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, ConnectionError } from '../../node/api/rpc/client.ts';
import { systemClock } from '../../node/base/entropy.ts';
import { type TracedMessage, traceText } from '../../node/base/tracelines.ts';
import { followTrace } from '../../node/cli/trace.ts';
import { MessageTrace } from '../../node/peer/trace.ts';
import { readMessage, tracedMessage } from '../../node/peer/tracedmessage.ts';
import { TraceFeed } from '../../node/peer/tracefeed.ts';
import { traceFile } from '../../node/peer/tracefile.ts';
import { WireTaps } from '../../node/peer/wiretaps.ts';
import { hex, unhex, zeros } from '../../wire/bytes.ts';
import { encodeMessage, messages } from '../../wire/message.ts';
import { type LocalPair, startPair } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';
import { arbitraryMessage, messageNames } from '../wire/arbitrary.ts';

const PEER = `02${'ab'.repeat(32)}`;
const ping = encodeMessage({ name: 'ping', num_pong_bytes: 1, ignored: zeros(0) });

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-trace-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('a message of a trace', () => {
  test('has every field of every message that the node knows, and its bytes', () => {
    for (const known of messageNames)
      fc.assert(
        fc.property(arbitraryMessage(known, 'bare'), (message) => {
          const raw = encodeMessage(message);
          const shown = tracedMessage(0, 'in', PEER, raw);
          const { name, ...fields } = message;
          expect(shown).toMatchObject({ name, type: messages[name].type, bytes: raw.length, raw: hex(raw) });
          expect(shown.error).toBeUndefined();
          expect(Object.keys(shown.fields ?? {}).sort()).toEqual(Object.keys(fields).sort());
          expect(traceText(shown)).toContain(name);
        }),
        { numRuns: 5, seed: 7 },
      );
  });

  test('that is malformed says its name and why it cannot be read', () => {
    expect(readMessage(unhex('008000'))).toMatchObject({
      name: 'update_add_htlc',
      type: 128,
      bytes: 3,
      error: expect.stringMatching(/update_add_htlc/),
    });
    expect(readMessage(unhex('00'))).toMatchObject({ name: 'unknown', bytes: 1, error: expect.any(String) });
    expect(readMessage(unhex('0ffe'))).toMatchObject({ name: 'unknown', type: 4094, error: expect.any(String) });
    expect(traceText(tracedMessage(0, 'in', PEER, unhex('008000')))).toMatch(/malformed +update_add_htlc/);
  });

  test('of an unknown odd type has its payload', () => {
    expect(readMessage(unhex('ffffc0ffee'))).toEqual({
      name: 'unknown',
      type: 0xffff,
      bytes: 5,
      fields: { payload: 'c0ffee' },
    });
  });

  test("of commando's request has no more than its id, since a rune is in it", () => {
    const seen: string[] = [];
    const taps = new WireTaps();
    taps.add((_, __, raw) => seen.push(hex(raw)));
    new MessageTrace(memoryLog(), PEER, taps).received(unhex('4c4f01020304050607087b2272756e65227d'));
    expect(seen).toEqual(['4c4f0102030405060708']);
  });

  test('has no control characters of the peer in lines for people', () => {
    const raw = encodeMessage({
      name: 'node_announcement',
      ...{ signature: zeros(64), features: zeros(0), timestamp: 1, node_id: unhex(PEER), rgb_color: zeros(3) },
      ...{ alias: new Uint8Array([0x1b, 0x5b, 0x32, 0x4a, ...zeros(28)]), addresses: [], rest: zeros(0) },
    } as unknown as Parameters<typeof encodeMessage>[0]);
    expect(traceText(tracedMessage(0, 'in', PEER, raw))).not.toContain('\u001b');
  });
});

describe('the file of a trace', () => {
  const opened = (name: string, maxSize: number, format: 'text' | 'json', lines: string[] = []) =>
    traceFile({ path: join(dir, name), maxSize, format }, systemClock, memoryLog(lines));

  test('has a line of JSON for each message, for its owner alone', async () => {
    const tap = opened('json', 10_000, 'json');
    tap('out', PEER, ping);
    tap('in', PEER, unhex('0013000100'));
    const lines = (await readFile(join(dir, 'json'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { direction: 'out', peer: PEER, name: 'ping', fields: { num_pong_bytes: 1 }, raw: hex(ping) },
      { direction: 'in', name: 'pong' },
    ]);
    expect((await stat(join(dir, 'json'))).mode & 0o777).toBe(0o600);
  });

  test('is renamed when it is full, and of the renamed ones one is kept', async () => {
    const tap = opened('full', 2_000, 'text');
    for (let n = 0; n < 100; n++) tap('out', PEER, ping);
    for (const name of ['full', 'full.1']) {
      const { size } = await stat(join(dir, name));
      expect(size).toBeGreaterThan(0);
      expect(size).toBeLessThanOrEqual(2_000);
    }
    expect(existsSync(join(dir, 'full.2'))).toBe(false);
  });

  test('that cannot be written costs messages of the trace and one line of the log', async () => {
    const folder = await mkdtemp(join(dir, 'gone-'));
    const lines: string[] = [];
    const tap = traceFile({ path: join(folder, 'trace'), maxSize: 1e6, format: 'json' }, systemClock, memoryLog(lines));
    await rm(folder, { recursive: true });
    tap('out', PEER, ping);
    tap('out', PEER, ping);
    expect(lines.filter((line) => line.includes('the trace of wire messages cannot be written'))).toHaveLength(1);
  });

  test('is refused at the start where it is no file', async () => {
    expect(() => traceFile({ path: dir, maxSize: 1e6, format: 'text' }, systemClock, memoryLog())).toThrow(
      `cannot write the trace to ${dir}: it is no file`,
    );
    await writeFile(join(dir, 'plain'), '');
    expect(() =>
      traceFile({ path: join(dir, 'plain', 'x'), maxSize: 1e6, format: 'text' }, systemClock, memoryLog()),
    ).toThrow('a part of the path is not a folder');
  });
});

describe('a live trace', () => {
  test('keeps nothing before somebody asks', () => {
    const feed = new TraceFeed(systemClock);
    feed.note('in', PEER, ping);
    const next = feed.follow();
    expect([next, feed.read(0, 10)]).toEqual([1, { messages: [], next: 1, missed: 1 }]);
    feed.note('in', PEER, ping);
    expect(feed.read(next, 10)).toMatchObject({ messages: [{ raw: ping }], next: 2, missed: 0 });
    feed.stop();
  });

  test('tells a slow reader how many messages it missed, and gives it the latest', () => {
    const feed = new TraceFeed(systemClock);
    const next = feed.follow();
    for (let n = 0; n < 12_000; n++) feed.note('in', PEER, ping);
    const found = feed.read(next, 1_000_000);
    expect([found.messages.length, found.missed, found.next]).toEqual([5_000, 7_000, 12_000]);
    feed.stop();
  });

  test('holds a few megabytes of long messages, and gives them in answers of bounded size', () => {
    const feed = new TraceFeed(systemClock);
    feed.follow();
    for (let n = 0; n < 1_000; n++) feed.note('in', PEER, new Uint8Array(65_535));
    const { messages: some, next, missed } = feed.read(0, 1000);
    expect(missed * 65_535).toBeGreaterThan(50_000_000);
    expect(some.length).toBeLessThanOrEqual(4);
    expect(next).toBe(missed + some.length);
    feed.stop();
  });

  test('of one peer leaves out the messages of others', () => {
    const feed = new TraceFeed(systemClock);
    feed.follow();
    for (const peer of [PEER, 'other', PEER]) feed.note('out', peer, ping);
    expect(feed.read(0, 1, PEER)).toMatchObject({ messages: [{ peer: PEER }], next: 2 });
    expect(feed.read(2, 1, PEER)).toMatchObject({ messages: [{ peer: PEER }], next: 3 });
    expect(feed.read(0, 9, 'nobody')).toMatchObject({ messages: [], next: 3 });
    feed.stop();
  });
});

describe('the command that follows messages', () => {
  const raw = hex(ping);
  const message = tracedMessage(0, 'out', PEER, ping);
  /** A node that answers these, and then stops. */
  const followed = async (
    answers: readonly object[],
    words: { readonly peer?: string },
    json = false,
    isScreen = false,
  ) => {
    const asked: unknown[] = [];
    const [out, err]: [string[], string[]] = [[], []];
    const left = [...answers];
    const client = {
      raw: async (method: string, params: unknown) => {
        asked.push([method, params]);
        const answer = left.shift();
        if (answer === undefined) throw new ConnectionError('the node ended the connection');
        return answer;
      },
    } as unknown as Client;
    const to = {
      json,
      columns: 80,
      isScreen,
      out: (text: string) => void out.push(text),
      err: (text: string) => void err.push(text),
    };
    const ended = await followTrace(client, words, to).catch((error: unknown) => String(error));
    return { asked, out: out.join('\n'), err: err.join('\n'), ended };
  };

  test('asks again from where it was, prints each, says how many it missed, and ends when the node stops', async () => {
    const { asked, out, err, ended } = await followed(
      [
        { messages: [], next: 7, missed: 0 },
        { messages: [message], next: 9, missed: 2 },
      ],
      {},
    );
    expect(asked.slice(1, 3)).toMatchObject([
      ['trace', { after: 7 }],
      ['trace', { after: 9 }],
    ]);
    expect(out).toContain(`-> ${PEER.slice(0, 16)}  ping (18)`);
    expect(out.endsWith(raw)).toBe(true);
    expect(err).toContain('2 messages were missed here');
    expect(ended).toContain('the node ended the connection');
  });

  test('takes the first digits of a peer that is connected, and no others', async () => {
    const peers = { peers: [{ id: PEER }, { id: `03${'cd'.repeat(32)}` }] };
    const { asked } = await followed([peers, { messages: [], next: 0, missed: 0 }], { peer: PEER.slice(0, 6) });
    expect(asked[2]).toMatchObject(['trace', { peer: PEER }]);
    expect((await followed([peers], { peer: '02ff' })).ended).toContain("none begins with '02ff'");
  });

  test('prints JSON lines for programs, and for people no line wider than 80 characters but the bytes, which a screen cuts, too', async () => {
    const long = tracedMessage(0, 'in', PEER, encodeMessage({ name: 'pong', ignored: new Uint8Array(500) }));
    const answers = [
      { messages: [], next: 0, missed: 0 },
      { messages: [long], next: 1, missed: 0 },
    ];
    expect(JSON.parse((await followed(answers, {}, true)).out)).toMatchObject({ name: 'pong', bytes: 504 });
    const lines = (await followed(answers, {})).out.split('\n');
    expect(lines.slice(0, -1).filter((line) => line.length > 80)).toEqual([]);
    expect(lines[1]).toMatch(/ignored {2}0+… \(1000 characters\)$/);
    const onScreen = (await followed(answers, {}, false, true)).out.split('\n');
    expect(onScreen.filter((line) => line.length > 80)).toEqual([]);
    expect(onScreen.at(-1)).toMatch(/raw {6}0013[0-9a-f]+… \(1008 characters\)$/);
  });
});

describe('of two nodes with a payment', () => {
  let pair: LocalPair;
  let lines: readonly TracedMessage[] = [];
  let live: readonly TracedMessage[] = [];

  beforeAll(async () => {
    const path = join(dir, 'both');
    pair = await startPair({ trace: path, 'trace-format': 'json' });
    const { alice, bob } = pair.nodes;
    await pair.endow('alice', 1_000_000n);
    const { next: after } = await alice.call('trace', { wait: 0 });
    await pair.open(500_000n);
    const { bolt11 } = await bob.call('invoice', { amount_msat: 20_000_000n, label: 'a', description: 'a' });
    await alice.call('pay', { bolt11 });
    live = (await alice.call('trace', { after, most: 1000, wait: 0 })).messages;
    const waiting = alice.call('trace', { after: 1e9 });
    await pair.stop();
    await waiting;
    lines = (await readFile(path, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as TracedMessage);
  });

  test('the file has each message that both said, from init on, with its fields', () => {
    const rawOf = (way: string): readonly string[] =>
      lines.flatMap(({ direction, raw }) => (direction === way ? [raw] : []));
    const sent = new Set(rawOf('out'));
    expect(rawOf('in').filter((raw) => !sent.has(raw))).toEqual([]);
    for (const name of ['init', 'open_channel', 'update_add_htlc', 'commitment_signed', 'revoke_and_ack'])
      for (const direction of ['in', 'out']) expect(lines).toContainEqual(expect.objectContaining({ name, direction }));
    expect(lines.every(({ fields, error }) => fields !== undefined && error === undefined)).toBe(true);
  });

  test('a reader that follows one node sees what the file has of it, in order', () => {
    const said = live.map(({ direction, name }) => `${direction} ${name}`);
    expect(said.filter((one) => /open_channel|accept_channel|update_add|update_fulfill/.test(one))).toEqual([
      'out open_channel',
      'in accept_channel',
      'out update_add_htlc',
      'in update_fulfill_htlc',
    ]);
    const raws = new Set(lines.map(({ raw }) => raw));
    expect(live.filter(({ raw }) => !raws.has(raw))).toEqual([]);
  });
});
