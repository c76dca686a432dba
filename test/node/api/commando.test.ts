/** commando: calls by messages between peers, which a rune opens, and what it costs those whom none does. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Commando } from '../../../node/api/rpc/commando.ts';
import { runeGate } from '../../../node/api/rpc/runegate.ts';
import type { Handlers } from '../../../node/api/table.ts';
import type { CustomPeer } from '../../../node/peer/custommessages.ts';
import { alternativeFrom } from '../../../node/runes/rune.ts';
import { Runes } from '../../../node/runes/runes.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { concat, hex, join, text, unhex, utf8 } from '../../../wire/bytes.ts';
import { point } from '../../../wire/units.ts';
import { fakeRpc, samples } from '../../support/api.ts';

const REQUEST_PART = 0x4c4d;
const REQUEST = 0x4c4f;
const ID = '0102030405060708';

interface Heard {
  readonly type: number;
  readonly id: string;
  readonly contents: Uint8Array;
}

/** A peer that keeps what it is sent, and what may still be on its way. */
class FakePeer implements CustomPeer {
  readonly id;
  closed = false;
  readonly heard: Heard[] = [];
  /** Bytes that were sent and not flushed, at most. */
  most = 0;
  private unsent = 0;
  constructor(n: number) {
    this.id = point(unhex(`02${n.toString(16).padStart(2, '0').repeat(32)}`));
  }
  sendRaw(raw: Uint8Array): void {
    this.unsent += raw.length;
    this.most = Math.max(this.most, this.unsent);
    const [high = 0, low = 0] = raw;
    this.heard.push({ type: high * 256 + low, id: hex(raw.slice(2, 10)), contents: raw.slice(10) });
  }
  async flushed(): Promise<void> {
    await Promise.resolve();
    this.unsent = 0;
  }
  /** The answers, each joined from its pieces. */
  get answers(): { readonly id: string; readonly [field: string]: unknown }[] {
    const ends = this.heard.filter(({ type }) => type === 0x594d);
    return ends.map(({ id }) => {
      const pieces = this.heard.filter((one) => one.id === id).map(({ contents }) => contents);
      return JSON.parse(text(join(pieces)));
    });
  }
}

let runes: Runes;
let commando: Commando;
let peer: FakePeer;
/** Pauses that somebody waits out, and calls that wait for nothing. */
let pauses: (() => void)[] = [];
let waiting: AbortSignal[] = [];

beforeEach(async () => {
  [pauses, waiting] = [[], []];
  peer = new FakePeer(1);
  runes = await Runes.load({ secret: new Uint8Array(32), store: memoryStore(), now: () => 1_700_000_000_000 });
  const own: Partial<Handlers> = {
    listnodes: async () => ({
      nodes: (async function* () {
        for (let i = 0; i < 3_000; i++) yield { nodeid: `02${'11'.repeat(32)}`, alias: `ö${i}` };
      })(),
    }),
    waitanyinvoice: (_, { signal }) => {
      waiting.push(signal);
      return new Promise(() => undefined);
    },
  };
  commando = new Commando({
    answer: fakeRpc(own).answer,
    gate: runeGate(() => runes),
    clock: {
      after: (_, run) => {
        pauses.push(run);
        return () => undefined;
      },
    },
  });
});

const make = async (...restrictions: string[][]): Promise<string> =>
  (await runes.create(restrictions.map((one) => one.map(alternativeFrom)))).text;

const send = (given: object | string, id = ID, from = peer): Promise<void> | undefined =>
  commando.receive(from, REQUEST, concat(unhex(id), utf8(typeof given === 'string' ? given : JSON.stringify(given))));
const turns = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
const until = async (check: () => boolean): Promise<void> => {
  for (let i = 0; i < 5_000 && !check(); i++) await turns(1);
};

describe('a call by commando', () => {
  test('is answered under the id of its message, with the id of its request', async () => {
    await send({ id: 'lnmessage:getinfo#1', method: 'getinfo', params: [], rune: await make() });
    await until(() => peer.answers.length === 1);
    expect(peer.heard.map(({ id }) => id)).toEqual([ID]);
    expect(peer.answers).toMatchObject([{ id: 'lnmessage:getinfo#1', result: { id: samples.getinfo.id } }]);
  });

  test('comes in parts, and its answer goes in parts that wait for each other', async () => {
    const json = utf8(JSON.stringify({ id: 7, method: 'listnodes', rune: await make() }));
    expect(commando.receive(peer, REQUEST_PART, concat(unhex(ID), json.slice(0, 9)))).toBeUndefined();
    await commando.receive(peer, REQUEST, concat(unhex(ID), json.slice(9)));
    await until(() => peer.answers.length === 1);
    expect(peer.answers).toMatchObject([{ id: 7, result: { nodes: expect.any(Array) } }]);
    expect(peer.heard.length).toBeGreaterThan(3);
    expect(Math.max(...peer.heard.map(({ contents }) => contents.length))).toBe(65_000);
    expect(peer.most).toBeLessThan(2 * 65_535);
  });

  test('has of the result what its filter names', async () => {
    await send({ id: 1, method: 'getinfo', filter: { alias: true }, rune: await make() });
    await until(() => peer.answers.length === 1);
    expect(peer.answers).toMatchObject([{ result: { alias: 'alice' } }]);
    expect(Object.keys(peer.answers[0]?.['result'] as object)).toEqual(['alias']);
  });

  test('is the call of its peer, for a rune that names one', async () => {
    const rune = await make([`id=${hex(peer.id)}`]);
    const other = new FakePeer(2);
    await send({ id: 1, method: 'getinfo', rune });
    void send({ id: 1, method: 'getinfo', rune }, ID, other);
    await until(() => peer.answers.length + other.answers.length === 2);
    expect(peer.answers).toMatchObject([{ result: {} }]);
    expect(other.answers).toMatchObject([{ error: { code: 0x4c51 } }]);
  });

  test('that waits is told when its peer has gone', async () => {
    await send({ id: 1, method: 'waitanyinvoice', rune: await make() });
    await until(() => waiting.length === 1);
    commando.left(peer);
    expect(waiting[0]?.aborted).toBe(true);
  });
});

describe('a request that no rune opens', () => {
  test.each([
    ['that is no JSON', async () => '{', 'Invalid JSON'],
    [
      'that is too deep',
      async () => `{"params":${'['.repeat(40)}`,
      'objects and arrays more than 32 deep are not taken',
    ],
    ['that is no object', async () => '[]', 'Not a JSON object'],
    ['without a method', async () => ({ id: 1 }), 'No method'],
    ['with a text for parameters', async () => ({ id: 1, method: 'x', params: 'x' }), 'Params must be object or array'],
    ['without an id', async () => ({ method: 'getinfo', rune: await make() }), 'missing id field'],
    ['without a rune', async () => ({ id: 1, method: 'getinfo' }), 'Missing rune'],
    [
      'with a rune of another node',
      async () => ({ id: 1, method: 'getinfo', rune: 'jMHrjVJb5l9-mjEd7zwux7Ookra1fgZ8wa9D8QbVT-w9MA==' }),
      'Invalid rune: Not authorized: Not derived from master',
    ],
    [
      'with a rune for another method',
      async () => ({ id: 1, method: 'stop', rune: await make(['method=getinfo']) }),
      'Invalid rune: Not permitted: method is not equal to getinfo',
    ],
  ])('%s is refused, and its peer is not read from for a while', async (_, given, message) => {
    let over = false;
    void send(await given())?.then(() => {
      over = true;
    });
    await until(() => pauses.length === 1);
    await turns();
    expect(peer.answers).toMatchObject([{ error: { message } }]);
    expect(over).toBe(false);
    pauses[0]?.();
    await until(() => over);
    expect(over).toBe(true);
  });

  test('is answered though its id is nested without end', async () => {
    const refused = send(`{"id":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    await until(() => peer.answers.length === 1);
    expect(peer.answers).toMatchObject([
      { id: null, error: { message: 'objects and arrays more than 32 deep are not taken' } },
    ]);
    for (const resume of pauses) resume();
    await refused;
  });

  test('in parts that hold nothing is not kept without end', async () => {
    for (let i = 0; i < 5_000; i++) commando.receive(peer, REQUEST_PART, unhex(ID));
    const refused = send({ id: 1, method: 'getinfo', rune: await make() });
    await until(() => peer.answers.length === 1);
    expect(peer.answers).toMatchObject([{ error: { message: 'a request has at most 1048576 bytes' } }]);
    for (const resume of pauses) resume();
    await refused;
  });

  test('has no more than a mebibyte, and one is kept for each peer', async () => {
    const part = concat(unhex(ID), new Uint8Array(60_000).fill(32));
    for (let i = 0; i < 20; i++) commando.receive(peer, REQUEST_PART, part);
    void send('{}');
    await until(() => pauses.length === 1);
    expect(peer.answers).toMatchObject([{ error: { message: 'a request has at most 1048576 bytes' } }]);
    commando.receive(peer, REQUEST_PART, concat(unhex(ID), utf8('{"id":1,')));
    await send({ id: 2, method: 'getinfo', rune: await make() }, '0807060504030201');
    await until(() => peer.answers.length === 2);
    expect(peer.answers).toMatchObject([{}, { id: 2, result: {} }]);
  });

  test('of many peers takes no more than four mebibytes in all: the oldest one gives way', async () => {
    const part = concat(unhex(ID), utf8('{"method":"getinfo",'.padEnd(1024 * 1024 - 1000)));
    const others = [2, 3, 4, 5, 6].map((n) => new FakePeer(n));
    for (const other of others) commando.receive(other, REQUEST_PART, part);
    for (const other of others) void send('"id":1}', ID, other);
    await until(() => pauses.length === others.length);
    const told = others.map((other) => JSON.stringify(other.answers[0]?.['error']));
    const message = (text: string) => expect.stringContaining(text);
    expect(told).toEqual([message('Invalid JSON'), ...Array(4).fill(message('Missing rune'))]);
    const rune = await make();
    await send({ id: 2, method: 'getinfo', rune });
    await until(() => peer.answers.length === 1);
    expect(peer.answers).toMatchObject([{ result: {} }]);
  });
});

test('a peer with 64 calls under way is told so by the next one', async () => {
  const rune = await make();
  for (let i = 0; i < 64; i++)
    await send({ id: i, method: 'waitanyinvoice', rune }, (i + 1).toString(16).padStart(16, '0'));
  await until(() => waiting.length === 64);
  await send({ id: 'more', method: 'getinfo', rune });
  expect(peer.answers).toMatchObject([{ id: 'more', error: { code: -32000 } }]);
});
