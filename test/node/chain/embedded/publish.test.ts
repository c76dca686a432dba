/** What the embedded chain publishes over ZeroMQ, and what it answers to programs that ask a bitcoind in batches. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { schnorr } from '@noble/secp256k1';
import { Transaction } from 'bitcoinjs-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../node/base/entropy.ts';
import { subscribeRawTx } from '../../../../node/chain/rawtx.ts';
import { openRpc } from '../../../../node/chain/rpc.ts';
import { greeting, ready, subscription, ZmtpReader } from '../../../../node/chain/zmtp.ts';
import { type Publishing, publish } from '../../../../node/regtest/chain/publish.ts';
import { openRegtest, type Regtest } from '../../../../node/regtest/chain/regtest.ts';
import { type Served, serveChain } from '../../../../node/regtest/chain/serve.ts';
import { concat, hex, text, unhex } from '../../../../wire/bytes.ts';
import { sat } from '../../../../wire/units.ts';
import { keptLog } from '../../../support/quiet.ts';
import { elsewhere, keyring, rawOf } from '../../../support/spend.ts';

const keys = keyring('published');
const login = { user: 'somebody', password: 'secret' };
let regtest: Regtest;
let publishing: Publishing;
let served: Served;

const portOf = (type: string): number =>
  Number(
    publishing.published
      .find((one) => one.type === type)
      ?.address.split(':')
      .at(-1),
  );

/** A coin of the key in a block of its own, deep enough to be spent. */
const coin = () => {
  const [hash = ''] = regtest.mine(1, keys.script);
  regtest.mine(100, elsewhere);
  const reward = regtest.ledger.get(hash).transactions[0];
  if (reward === undefined) throw new Error('no coinbase');
  return keys.coinOf(reward.tx, 0);
};

beforeAll(async () => {
  regtest = await openRegtest(systemClock);
  const host = '127.0.0.1';
  publishing = await publish(regtest, [
    { topic: 'rawblock', host, port: 0 },
    { topic: 'rawtx', host, port: 0 },
  ]);
  const { published } = publishing;
  const logins = [`${login.user}:${login.password}`];
  served = await serveChain({ regtest, clock: systemClock, host, port: 0, logins, published, stop: () => undefined });
});
afterAll(async () => {
  await served.close();
  await publishing.close();
});

/** A subscriber that keeps what it hears: topic, body and number of each message. */
const subscribed = async (port: number, topic: string) => {
  const heard: { readonly topic: string; readonly body: string; readonly count: string }[] = [];
  const reader = new ZmtpReader();
  const socket: Socket = connect(port, '127.0.0.1');
  const isReady = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Uint8Array) => {
      for (const item of reader.take(Uint8Array.from(chunk)))
        if (item.heard === 'ready') resolve();
        else if (item.heard === 'message') {
          const [name = new Uint8Array(), body = new Uint8Array(), count = new Uint8Array()] = item.parts;
          heard.push({ topic: text(name), body: hex(body), count: hex(count) });
        }
    });
  });
  socket.write(concat(greeting, ready, subscription(topic)));
  await isReady;
  return { heard, socket };
};

describe('notifications of the embedded chain', () => {
  test('a node that follows it hears each transaction when it comes into the mempool', async () => {
    const rpc = openRpc({ host: served.host, port: served.port, auth: login });
    const heard: string[] = [];
    const log = keptLog();
    const end = subscribeRawTx({ rpc, host: served.host, clock: systemClock, log }, (tx) => heard.push(hex(tx)));
    await expect.poll(() => log.lines.join()).toContain('over ZeroMQ');
    const raw = rawOf(keys.give([coin()], 1_000n));
    await expect.poll(() => heard.length).toBeGreaterThan(0); // blocks' own transactions have come through
    regtest.send(raw);
    await expect.poll(() => heard).toContain(hex(raw));
    end();
    rpc.close();
  });

  test('a new tip is published whole, with how many came before it, and only the last one of a reorg', async () => {
    const { heard, socket } = await subscribed(portOf('pubrawblock'), 'rawblock');
    regtest.mine(2, elsewhere);
    const lost = regtest.ledger.tip.hash;
    await expect.poll(() => heard.length).toBe(2);
    regtest.invalidate(lost);
    regtest.mine(1, keys.script);
    await expect.poll(() => heard.length).toBe(3);
    expect(heard.at(-1)).toMatchObject({ topic: 'rawblock', body: regtest.ledger.tip.raw.toHex() });
    const counts = heard.map(({ count }) => Buffer.from(count, 'hex').readUInt32LE());
    expect(counts).toEqual([0, 1, 2].map((more) => (counts[0] ?? 0) + more));
    socket.destroy();
  });

  test('a subscriber of another topic hears nothing, and one that sends nonsense is cut off alone', async () => {
    const quiet = await subscribed(portOf('pubrawblock'), 'sequence');
    const wild = await subscribed(portOf('pubrawblock'), 'rawblock');
    wild.socket.write(Uint8Array.of(2, 255, 255, 255, 255, 255, 255, 255, 255));
    await once(wild.socket, 'close');
    const { heard, socket } = await subscribed(portOf('pubrawblock'), 'rawb');
    regtest.mine(1, elsewhere);
    await expect.poll(() => heard.length).toBe(1);
    expect(quiet.heard).toEqual([]);
    for (const one of [quiet.socket, socket]) one.destroy();
  });

  test('an address that is taken is an error that names it, and leaves nothing listening', async () => {
    const host = '127.0.0.1';
    const taken = portOf('pubrawtx');
    const again = publish(regtest, [
      { topic: 'hashtx', host, port: 0 },
      { topic: 'hashblock', host, port: taken },
    ]);
    await expect(again).rejects.toThrow(`cannot publish at tcp://127.0.0.1:${taken}: EADDRINUSE`);
  });
});

describe('what programs for bitcoind ask beside single calls', () => {
  const post = async (body: unknown): Promise<{ readonly status: number; readonly body: unknown }> => {
    const authorization = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
    const options = { method: 'POST', headers: { authorization }, body: JSON.stringify(body) };
    const response = await fetch(`http://${served.host}:${served.port}/`, options);
    return { status: response.status, body: await response.json() };
  };

  const missing = 'Method not found: ampere chain does not have nosuch; help lists what it has';

  test('a batch is answered call by call, and an error of one is no error of the others', async () => {
    const calls = [
      { id: 'a', method: 'getblockcount' },
      { id: 'b', method: 'nosuch' },
      7,
      { id: 'c', method: 'help', params: ['getblock'] },
    ];
    expect(await post(calls)).toEqual({
      status: 200,
      body: [
        { id: 'a', result: regtest.ledger.tip.height, error: null },
        { id: 'b', result: null, error: { code: -32601, message: missing } },
        { id: null, result: null, error: { code: -32600, message: 'Method must be a string' } },
        { id: 'c', result: 'getblock "blockhash" ( verbosity )', error: null },
      ],
    });
    expect(await post([])).toEqual({ status: 200, body: [] });
    const many = Array.from({ length: 10_001 }, () => ({ method: 'getblockcount' }));
    expect(await post(many)).toMatchObject({ status: 400, body: { error: { code: -32600 } } });
  });

  test('a call of JSON-RPC 2.0 is answered in its form, errors with status 200 and without a result', async () => {
    expect(await post({ jsonrpc: '2.0', id: 1, method: 'getblockcount' })).toEqual({
      status: 200,
      body: { jsonrpc: '2.0', id: 1, result: regtest.ledger.tip.height },
    });
    expect(await post({ jsonrpc: '2.0', id: 2, method: 'nosuch' })).toEqual({
      status: 200,
      body: { jsonrpc: '2.0', id: 2, error: { code: -32601, message: missing } },
    });
  });

  test('parameters by name are refused in words that say so', async () => {
    const { status, body } = await post({ id: 1, method: 'getblockhash', params: { height: 1 } });
    expect({ status, body }).toMatchObject({ status: 500, body: { error: { code: -32602 } } });
    expect(JSON.stringify(body)).toContain('does not know parameters by name');
  });

  test('help lists every method with its parameters, and knows none that is not there', async () => {
    const { body } = await post({ method: 'help' });
    const lines = String((body as { readonly result: string }).result).split('\n');
    expect(lines).toContain('getblockhash height');
    for (const line of lines) {
      const method = line.split(' ')[0] ?? '';
      if (method === 'stop' || method === 'help') continue;
      const { body: answer } = await post({ method, params: [1] });
      expect(JSON.stringify(answer), method).not.toContain('-32601');
    }
    expect(await post({ method: 'help', params: ['nosuch'] })).toMatchObject({ body: { error: { code: -32601 } } });
  });

  test('a transaction in a block is found without the name of the block, and says where it is', async () => {
    const tx = keys.give([coin()], 1_000n);
    regtest.send(rawOf(tx));
    const [blockhash] = regtest.mine(1, elsewhere);
    regtest.mine(1, elsewhere);
    expect(await post({ method: 'getrawtransaction', params: [tx.getId(), true] })).toMatchObject({
      body: { result: { txid: tx.getId(), blockhash, confirmations: 2 } },
    });
    regtest.drop(2);
    const { body } = await post({ method: 'getrawtransaction', params: [tx.getId(), 1] });
    expect(body).toMatchObject({ result: { txid: tx.getId() } });
    expect(body).not.toHaveProperty('result.blockhash');
  });
});

describe('a taproot output', () => {
  const key = keys.key.subarray(1);
  const script = concat(unhex('5120'), key);

  /** A transaction that spends a taproot output of the key; `witness` is made from its BIP 341 digest. */
  const spending = (witness: (digest: (type: number) => Uint8Array) => Uint8Array[]): Uint8Array => {
    const funding = keys.give([coin()], 1_000n, script);
    regtest.send(rawOf(funding));
    const amount = sat(funding.outs[0]?.value ?? 0n);
    const tx = new Transaction();
    tx.version = 2;
    tx.addInput(funding.getHash(), 0);
    tx.addOutput(elsewhere, amount - 1_000n);
    tx.setWitness(
      0,
      witness((type) => tx.hashForWitnessV1(0, [script], [amount], type)),
    );
    return rawOf(tx);
  };
  const sign = (digest: Uint8Array): Uint8Array => schnorr.sign(digest, keys.secret);

  test.each([
    ['of the default type', (digest: (type: number) => Uint8Array) => [sign(digest(0))]],
    ['that names its type', (digest: (type: number) => Uint8Array) => [concat(sign(digest(1)), Uint8Array.of(1))]],
  ])('is spent by a signature of its key %s', (_, witness) => {
    const raw = spending(witness);
    expect(regtest.send(raw).became).toBe('taken');
  });

  test.each([
    ['over something else', () => [sign(new Uint8Array(32))], 'Invalid Schnorr signature'],
    [
      'with the default type spelt out',
      (digest: (type: number) => Uint8Array) => [concat(sign(digest(0)), Uint8Array.of(0))],
      'hash type',
    ],
    ['that is none', () => [new Uint8Array(70)], 'Invalid Schnorr signature size'],
    [
      'beside a script',
      (digest: (type: number) => Uint8Array) => [sign(digest(0)), Uint8Array.of(0x51), new Uint8Array(33)],
      'by a script',
    ],
  ])('is not spent by a signature %s', (_, witness, reason) => {
    const raw = spending(witness);
    expect(() => regtest.send(raw)).toThrow(reason);
  });
});
