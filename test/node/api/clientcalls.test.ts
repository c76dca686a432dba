/**
 * What programs for Core Lightning ask of a node, call by call as their sources make them, and the fields that they read of each answer:
 * RTL, Zeus and Polar by CLNRest, BTCPay by the socket. A call of theirs for which there is no method here is refused as unknown.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedClients, serveClients } from '../../support/clients.ts';
import { type Line, startLine } from '../../support/line.ts';
import { becomes } from '../../support/pair.ts';

let line: Line;
let served: ServedClients;
let rune = '';
let labels = 0;

beforeAll(async () => {
  line = await startLine(6);
  served = await serveClients(line.alice);
  rune = await served.rune();
  await line.mine(6);
  await becomes('both channels known to alice', async () => {
    const { channels } = await line.alice.call('listchannels', {});
    return channels.length === 4;
  });
  await line.alice.call('pay', { bolt11: await billOf('carol') });
});
afterAll(async () => {
  await served?.close();
  await line?.stop();
});

type Who = 'alice' | 'bob' | 'carol';

const billOf = async (who: Who, amount_msat: bigint | 'any' = 500_000n): Promise<string> => {
  const label = `bill ${labels++}`;
  return (await line[who].call('invoice', { amount_msat, label, description: label })).bolt11;
};

const number = expect.any(Number);
const string = expect.any(String);
const list = expect.any(Array);
const hash = expect.stringMatching(/^[0-9a-f]{64}$/);

/** A call by name, the parameters of which may have to be made first, and what is read of its answer. */
type Row = readonly [method: string, params: object | (() => Promise<object>), read: object];

const rest = async (method: string, params: object): Promise<{ status: number; answer: unknown }> => {
  const headers = { rune, 'content-type': 'application/json' };
  const answer = await fetch(`${served.url}/v1/${method}`, { method: 'POST', headers, body: JSON.stringify(params) });
  return { status: answer.status, answer: await answer.json() };
};

const channel = expect.objectContaining({
  ...{ peer_id: string, channel_id: hash, short_channel_id: string, state: 'CHANNELD_NORMAL', opener: 'local' },
  ...{ total_msat: 1_000_000_000, to_us_msat: number, peer_connected: true, private: false, funding_txid: hash },
  ...{ spendable_msat: number, receivable_msat: number, our_reserve_msat: number, their_reserve_msat: number },
});
const funds = {
  outputs: expect.arrayContaining([
    expect.objectContaining({
      ...{ txid: hash, output: number, amount_msat: number, status: 'confirmed' },
      address: string,
    }),
  ]),
  channels: expect.arrayContaining([
    expect.objectContaining({
      our_amount_msat: number,
      amount_msat: number,
      connected: true,
      short_channel_id: string,
    }),
  ]),
};
const peer = expect.objectContaining({
  id: string,
  connected: true,
  netaddr: [string],
  num_channels: 1,
  features: string,
});

describe('RTL is answered', () => {
  const rows: readonly Row[] = [
    ['getinfo', {}, { id: string, alias: string, network: 'regtest', version: string, address: list, binding: list }],
    ['listpeerchannels', {}, { channels: [channel] }],
    ['listpeers', {}, { peers: [peer] }],
    ['listfunds', {}, funds],
    ['listinvoices', {}, { invoices: list }],
    ['listinvoices', { label: 'none' }, { invoices: [] }],
    [
      'listsendpays',
      {},
      { payments: [expect.objectContaining({ payment_hash: hash, status: 'complete', created_at: number })] },
    ],
    ['listforwards', { status: 'settled' }, { forwards: [] }],
    ['listnodes', async () => ({ id: line.bob.id }), { nodes: [expect.objectContaining({ alias: string })] }],
    ['listchannels', async () => ({ source: line.bob.id }), { channels: list }],
    ['feerates', { style: 'perkb' }, { perkb: { opening: number, mutual_close: number } }],
    [
      'getroute',
      async () => ({ id: line.carol.id, amount_msat: 1000, riskfactor: 0 }),
      { route: [expect.objectContaining({ id: string, delay: number }), expect.anything()] },
    ],
    [
      'decode',
      async () => ({ string: await billOf('carol') }),
      { type: 'bolt11 invoice', description: string, payee: string },
    ],
    ['signmessage', { message: 'one' }, { zbase: string }],
    ['listconfigs', {}, { configs: expect.any(Object) }],
    ['newaddr', { addresstype: 'bech32' }, { bech32: string }],
    [
      'invoice',
      { amount_msat: 1000, label: 'rtl', description: 'x', expiry: 3600, exposeprivatechannels: true },
      { bolt11: string, payment_hash: hash },
    ],
    [
      'pay',
      async () => ({ bolt11: await billOf('carol') }),
      { status: 'complete', payment_preimage: hash, amount_sent_msat: number },
    ],
    [
      'keysend',
      async () => ({ destination: line.bob.id, amount_msat: 1000 }),
      { status: 'complete', payment_hash: hash },
    ],
    ['setchannel', async () => ({ id: line.left, feebase: 7, feeppm: 8 }), { channels: list }],
    [
      'connect',
      async () => ({ id: `${line.bob.id}@127.0.0.1:${line.bob.node.peers.address?.port}` }),
      { id: string, features: string },
    ],
  ];
  test.each(rows)('%s: %j', async (method, params, read) => {
    const given = typeof params === 'function' ? await params() : params;
    const { status, answer } = await rest(method, given);
    expect({ status, answer }).toMatchObject({ status: 201, answer: read });
  });
});

describe('Zeus is answered', () => {
  const rows: readonly Row[] = [
    ['listclosedchannels', {}, { closedchannels: list }],
    ['listtransactions', {}, { transactions: list }],
    [
      'listchannels',
      async () => ({ short_channel_id: (await line.alice.call('listpeerchannels', {})).channels[0]?.short_channel_id }),
      {
        channels: [
          expect.objectContaining({ source: string, fee_per_millionth: number, base_fee_millisatoshi: number }),
          expect.anything(),
        ],
      },
    ],
    ['listinvoices', { payment_hash: '00'.repeat(32) }, { invoices: [] }],
    [
      'invoice',
      { description: 'x', label: 'zeus.1', amount_msat: 'any', expiry: 3600, exposeprivatechannels: true },
      { bolt11: string, payment_hash: hash },
    ],
    [
      'decode',
      async () => ({ string: await billOf('carol') }),
      { type: 'bolt11 invoice', amount_msat: 500_000, created_at: number, expiry: number },
    ],
    [
      'pay',
      async () => ({ bolt11: await billOf('carol', 'any'), amount_msat: 7000, retry_for: 60, maxfee: 5000 }),
      { status: 'complete', payment_preimage: hash },
    ],
    [
      'xpay',
      async () => ({ invstring: await billOf('carol'), retry_for: 60, maxfee: 5000 }),
      { payment_preimage: hash, amount_sent_msat: number },
    ],
    ['keysend', async () => ({ destination: line.bob.id, amount_msat: 1000, retry_for: 60 }), { status: 'complete' }],
    ['signmessage', { message: 'one' }, { zbase: string }],
    [
      'withdraw',
      async () => ({ destination: (await line.bob.call('newaddr', {})).bech32, feerate: '5000perkb', satoshi: 20_000 }),
      { txid: hash, tx: string },
    ],
  ];
  test.each(rows)('%s: %j', async (method, params, read) => {
    const given = typeof params === 'function' ? await params() : params;
    expect(await rest(method, given)).toMatchObject({ status: 201, answer: read });
  });

  test('with 404 where it asks for what is not there', async () => {
    for (const method of ['sql', 'listoffers', 'offer', 'fetchinvoice', 'xkeysend', 'askrene-create-layer'])
      expect(await rest(method, {})).toMatchObject({ status: 404, answer: { code: -32601 } });
  });
});

describe('Polar is answered', () => {
  test('to a channel that it opens, pays over and closes', async () => {
    const there = { id: line.carol.id, host: '127.0.0.1', port: line.carol.node.peers.address?.port };
    const connected = await rest('connect', { id: `${there.id}@${there.host}:${there.port}` });
    expect(connected).toMatchObject({ status: 201, answer: { id: there.id } });
    const opening = { id: there.id, amount: 100_000, feerate: '253perkw', announce: true };
    const opened = await rest('fundchannel', opening);
    expect(opened).toMatchObject({ status: 201, answer: { txid: hash, outnum: number, channel_id: hash } });
    await line.mine(6);
    const { channel_id } = opened.answer as { readonly channel_id: string };
    await becomes('open', async () => {
      const { channels } = await line.alice.call('listpeerchannels', { channel_id });
      return channels[0]?.state === 'CHANNELD_NORMAL';
    });
    const paid = await rest('pay', { bolt11: await billOf('carol') });
    expect(paid).toMatchObject({
      status: 201,
      answer: { payment_preimage: hash, amount_msat: 500_000, destination: there.id },
    });
    const closed = await rest('close', { id: channel_id, unilateraltimeout: 20 });
    expect(closed).toMatchObject({ status: 201, answer: { type: 'mutual', txids: [hash] } });
    await line.mine(1);
  });
});

describe('BTCPay is answered by the socket', () => {
  const call = (method: string, params: readonly unknown[] = []): Promise<{ result?: object; error?: object }> =>
    new Promise((resolve, reject) => {
      const socket = connect(served.socket);
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
        if (!heard.endsWith('\n\n')) return;
        socket.destroy();
        resolve(JSON.parse(heard));
      });
      socket.on('error', reject);
      socket.write(JSON.stringify({ id: 0, method, params }));
    });

  test.each<readonly [string, () => Promise<readonly unknown[]>, object]>([
    ['getinfo', async () => [], { id: string, blockheight: number, network: 'regtest', address: list }],
    ['listfunds', async () => [], funds],
    ['newaddr', async () => [], { bech32: string }],
    ['listchannels', async () => [], { channels: list }],
    ['listpeerchannels', async () => [], { channels: expect.arrayContaining([channel]) }],
    [
      'invoice',
      async () => ['1000', 'btcpay', '', 600, null, null, true],
      { bolt11: string, payment_hash: hash, expires_at: number },
    ],
    ['invoice', async () => ['any', 'btcpay hash', 'x', 600, null, null, false, null, true], { bolt11: string }],
    [
      'listinvoices',
      async () => ['btcpay'],
      { invoices: [expect.objectContaining({ label: 'btcpay', status: 'unpaid' })] },
    ],
    ['listinvoices', async () => [null, null, '00'.repeat(32)], { invoices: [] }],
    ['listpays', async () => [null, '00'.repeat(32)], { pays: [] }],
    [
      'xpay',
      async () => [await billOf('carol'), null, 5000],
      { payment_preimage: hash, amount_msat: number, amount_sent_msat: number },
    ],
    ['delinvoice', async () => ['btcpay', 'unpaid'], { label: 'btcpay', status: 'unpaid' }],
  ])('%s', async (method, params, read) => {
    expect(await call(method, await params())).toMatchObject({ result: read });
  });

  test('and waits for the next invoice that is paid', async () => {
    await line.alice.call('invoice', { amount_msat: 1000n, label: 'awaited', description: '' });
    const waiting = call('waitanyinvoice', [0]);
    const { invoices } = await line.alice.call('listinvoices', { label: 'awaited' });
    await line.bob.call('pay', { bolt11: invoices[0]?.bolt11 ?? '' });
    expect(await waiting).toMatchObject({
      result: { pay_index: 1, status: 'paid', payment_hash: hash, amount_received_msat: 1000 },
    });
  });
});
