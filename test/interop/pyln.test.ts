/**
 * Core Lightning's own client, pyln-client, unmodified, over the socket of a node: each method is called through its class, with the
 * parameters and results that programs written for Core Lightning count on.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Transaction } from 'bitcoinjs-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { handlersOf } from '../../node/api/handlers.ts';
import { jsonRpc } from '../../node/api/rpc/jsonrpc.ts';
import { type ApiServer, listenUnix } from '../../node/api/rpc/unix.ts';
import { isMethod } from '../../node/api/table.ts';
import { noProcess } from '../support/inprocess.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./pyln/calls.py', import.meta.url));
/** The client that its users had when these tests were written. */
const CLIENT = 'pyln-client==26.6.9';

const dir = await mkdtemp(join(tmpdir(), 'ampere-pyln-'));
const python = join(dir, 'venv', 'bin', 'python');
/** Why there is no pyln-client to be had here; undefined where there is one. */
const missing = await (async (): Promise<string | undefined> => {
  try {
    await run('python3', ['-m', 'venv', join(dir, 'venv')]);
    await run(python, ['-m', 'pip', 'install', '--quiet', CLIENT], { timeout: 120_000 });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : String(error);
  }
})();
if (missing !== undefined) console.warn(`no pyln-client, so nothing is checked against it: ${missing}`);

interface Answer {
  readonly result?: unknown;
  readonly error?: unknown;
}

describe.skipIf(missing !== undefined)('pyln-client', () => {
  let line: Line;
  let server: ApiServer;
  let scid = '';
  const socket = join(dir, 'bob', 'lightning-rpc');

  const called = new Set<string>();
  const call = (method: string, given: object = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      called.add(method);
      const child = execFile(python, [script, socket], (error, out) => {
        if (error !== null) reject(error);
        else resolve((JSON.parse(out) as Answer[])[0] ?? {});
      });
      child.stdin?.end(JSON.stringify([[method, given]]));
    });

  beforeAll(async () => {
    line = await startLine(2);
    const { bob, alice, carol, right } = line;
    const broke = (method: string, error: unknown): void => console.error(method, error);
    const answer = jsonRpc({ handlers: handlersOf(bob.node, noProcess), dev: false, broke });
    server = await listenUnix(socket, answer);
    await line.mine(6);
    await becomes('both channels known to alice', async () => {
      const { channels } = await alice.call('listchannels', {});
      return channels.length === 4;
    });
    const { bolt11 } = await carol.call('invoice', { amount_msat: 1_000_000n, label: 'tea', description: '' });
    await alice.call('pay', { bolt11 });
    scid = (await bob.call('listpeerchannels', { channel_id: right })).channels[0]?.short_channel_id ?? '';
  });
  afterAll(async () => {
    await server?.close();
    await line?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  test('signs a message and checks it', async () => {
    const { result } = await call('signmessage', { message: 'one' });
    const { zbase } = result as { readonly zbase: string };
    const pubkey = line.bob.id;
    expect(await call('checkmessage', { message: 'one', zbase })).toEqual({ result: { verified: true, pubkey } });
    expect(await call('checkmessage', { message: 'two', zbase })).toMatchObject({ error: { code: 1301 } });
  });

  test('pings a peer, and sends it a message of its own', async () => {
    expect(await call('ping', { peer_id: line.alice.id })).toEqual({ result: { totlen: 132 } });
    expect(await call('sendcustommsg', { peer_id: line.alice.id, message: 'ffff01' })).toMatchObject({
      result: { status: expect.any(String) },
    });
  });

  test.each(['perkb', 'perkw'])('reads fee rates %s', async (style) => {
    const rates = { min_acceptable: expect.any(Number), floor: expect.any(Number), estimates: expect.any(Array) };
    expect(await call('feerates', { style })).toMatchObject({ result: { [style]: rates } });
  });

  test('waits for a block, and is told when none comes', async () => {
    expect(await call('waitblockheight', { blockheight: 1 })).toMatchObject({
      result: { blockheight: expect.any(Number) },
    });
    expect(await call('waitblockheight', { blockheight: 1_000_000, timeout: 0 })).toMatchObject({
      error: { code: 2000 },
    });
  });

  test('pays by xpay, and reads what an invoice says by decodepay', async () => {
    const { bolt11 } = await line.carol.call('invoice', { amount_msat: 500_000n, label: 'cup', description: 'cup' });
    expect(await call('decodepay', { bolt11 })).toMatchObject({
      result: { amount_msat: 500_000, description: 'cup', payee: line.carol.id, currency: 'bcrt' },
    });
    expect(await call('xpay', { invstring: bolt11 })).toMatchObject({
      result: { payment_preimage: expect.stringMatching(/^[0-9a-f]{64}$/), failed_parts: 0, amount_msat: 500_000 },
    });
  });

  test('lists forwards, of one state and of one channel', async () => {
    const { result } = await call('listforwards', { status: 'settled', out_channel: scid });
    expect(result).toMatchObject({
      forwards: [{ status: 'settled', out_channel: scid, in_msat: 1_001_010, out_msat: 1_000_000, fee_msat: 1_010 }],
    });
    expect(await call('listforwards', { status: 'failed' })).toEqual({ result: { forwards: [] } });
  });

  test('deletes an invoice, whose status has to be the one named', async () => {
    const label = 'saucer';
    await line.bob.call('invoice', { amount_msat: 500_000n, label, description: 'saucer' });
    expect(await call('delinvoice', { label, status: 'paid' })).toMatchObject({
      error: { code: 906, data: { current_status: 'unpaid', expected_status: 'paid' } },
    });
    expect(await call('delinvoice', { label, status: 'unpaid' })).toMatchObject({
      result: { label, status: 'unpaid' },
    });
    expect(await call('delinvoice', { label, status: 'unpaid' })).toMatchObject({ error: { code: 905 } });
  });

  test('deletes a payment that is complete, as such alone', async () => {
    const { bolt11, payment_hash } = await line.carol.call('invoice', {
      ...{ amount_msat: 500_000n, label: 'spoon', description: 'spoon' },
    });
    await call('pay', { bolt11 });
    expect(await call('delpay', { payment_hash, status: 'failed' })).toMatchObject({ error: { code: 211 } });
    expect(await call('delpay', { payment_hash, status: 'complete' })).toMatchObject({
      result: { payments: [{ payment_hash, status: 'complete', amount_msat: 500_000 }] },
    });
    expect(await call('delpay', { payment_hash, status: 'complete' })).toMatchObject({ error: { code: 208 } });
  });

  test('lists closed channels, of all peers and of one', async () => {
    expect(await call('listclosedchannels')).toEqual({ result: { closedchannels: [] } });
    expect(await call('listclosedchannels', { peer_id: line.alice.id })).toEqual({ result: { closedchannels: [] } });
  });

  test("lists the wallet's transactions", async () => {
    const { result } = await call('listtransactions');
    const [first] = (result as { readonly transactions: readonly { readonly rawtx: string }[] }).transactions;
    const { hash, blockheight } = {
      hash: Transaction.fromHex(first?.rawtx ?? '').getId(),
      blockheight: expect.any(Number),
    };
    expect(first).toMatchObject({ hash, blockheight, inputs: [{ sequence: expect.any(Number) }] });
  });

  test('lists what the node is configured with', async () => {
    expect(await call('listconfigs', { config: 'min-depth' })).toEqual({
      result: { configs: { 'min-depth': { value_int: 1, source: 'default' } } },
    });
  });

  test('sends an HTLC over a route, and waits for it', async () => {
    const { carol } = line;
    const { payment_hash, payment_secret } = await carol.call('invoice', {
      ...{ amount_msat: 300_000n, label: 'by hand', description: '' },
    });
    const { result } = await call('getroute', { node_id: carol.id, amount_msat: 300_000, riskfactor: 1, cltv: 50 });
    const { route } = result as { readonly route: unknown };
    expect(route).toEqual([
      { id: carol.id, channel: scid, direction: expect.any(Number), amount_msat: 300_000, delay: 50, style: 'tlv' },
    ]);
    const sent = await call('sendpay', { route, payment_hash, payment_secret, groupid: 4 });
    expect(sent).toMatchObject({ result: { status: 'pending', groupid: 4, amount_msat: 300_000 } });
    expect(await call('waitsendpay', { payment_hash, timeout: 30 })).toMatchObject({
      result: { status: 'complete', payment_preimage: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(await call('listsendpays', { payment_hash })).toMatchObject({
      result: { payments: [{ status: 'complete', groupid: 4, destination: carol.id }] },
    });
  });

  test('probes what a node can be sent', async () => {
    const { result } = await call('probe', { id: line.carol.id, amount_msat: '1000sat' });
    expect(result).toMatchObject({ carried: true, carried_msat: 1_000_000, attempts: [{ status: 'carried' }] });
  });

  test('sends an onion of its own, and reads which node failed it', async () => {
    const { carol } = line;
    const payment_hash = '77'.repeat(32);
    const made = await call('createonion', {
      hops: [{ pubkey: carol.id, payload: '02ffff' }],
      assocdata: payment_hash,
    });
    const { onion, shared_secrets } = made.result as { readonly onion: string; readonly shared_secrets: string[] };
    expect([onion.length, shared_secrets.length]).toEqual([2732, 1]);
    const first_hop = { id: carol.id, channel: scid, amount_msat: 1_000, delay: 60 };
    expect(await call('sendonion', { onion, first_hop, payment_hash, shared_secrets })).toMatchObject({
      result: { status: 'pending', amount_sent_msat: 1_000 },
    });
    expect(await call('waitsendpay', { payment_hash })).toMatchObject({
      error: { code: 204, data: { erring_index: 1, failcodename: 'WIRE_INVALID_ONION_PAYLOAD' } },
    });
    expect(await call('waitsendpay', { payment_hash: '78'.repeat(32) })).toMatchObject({ error: { code: 208 } });
  });

  test('sets the fees of a channel', async () => {
    expect(await call('setchannel', { id: scid, feebase: 7, feeppm: 8, htlcmin: '2sat' })).toMatchObject({
      result: {
        channels: [{ fee_base_msat: 7, fee_proportional_millionths: 8, minimum_htlc_out_msat: 2_000 }],
      },
    });
  });

  test('reads the node, its peers, its funds and what it has paid', async () => {
    const { alice, bob, carol } = line;
    expect(await call('getinfo')).toMatchObject({ result: { id: bob.id, network: 'regtest', num_active_channels: 2 } });
    const peer = { connected: true, num_channels: 1, netaddr: [expect.any(String)] };
    expect(await call('listpeers', { peerid: alice.id })).toMatchObject({
      result: { peers: [{ id: alice.id, ...peer }] },
    });
    expect(await call('getpeer', { peer_id: carol.id })).toMatchObject({ result: { id: carol.id, ...peer } });
    expect(await call('listnodes', { node_id: alice.id })).toMatchObject({ result: { nodes: [{ nodeid: alice.id }] } });
    const { result } = await call('listfunds');
    const { outputs, channels } = result as { readonly outputs: unknown[]; readonly channels: unknown[] };
    expect([outputs.length > 0, channels.length]).toEqual([true, 2]);
    expect(await call('newaddr')).toMatchObject({ result: { bech32: expect.stringMatching(/^bcrt1/) } });
    expect(await call('listpays')).toMatchObject({ result: { pays: expect.any(Array) } });
    expect(await call('help', { command: 'pay' })).toMatchObject({
      result: { help: [{ command: expect.any(String) }] },
    });
  });

  test('waits for an invoice, for any of them, and finds it', async () => {
    const { alice, bob } = line;
    const { bolt11 } = await bob.call('invoice', { amount_msat: 400_000n, label: 'plate', description: 'plate' });
    expect(await call('listinvoices', { label: 'plate' })).toMatchObject({
      result: { invoices: [{ status: 'unpaid' }] },
    });
    expect(await call('waitanyinvoice', { timeout: 0 })).toMatchObject({ error: { code: 904 } });
    const waiting = call('waitinvoice', { label: 'plate' });
    await alice.call('pay', { bolt11 });
    expect(await waiting).toMatchObject({ result: { label: 'plate', status: 'paid', amount_received_msat: 400_000 } });
    expect(await call('waitanyinvoice', { lastpay_index: 0 })).toMatchObject({
      result: { label: 'plate', pay_index: 1 },
    });
  });

  test('pays a node without an invoice, and an address', async () => {
    const { carol, ground } = line;
    expect(await call('keysend', { destination: carol.id, amount_msat: 5_000 })).toMatchObject({
      result: { status: 'complete', amount_msat: 5_000 },
    });
    const { bech32 = '' } = await carol.call('newaddr', {});
    const { result } = await call('withdraw', { destination: bech32, satoshi: 20_000 });
    expect(result).toMatchObject({ txid: expect.any(String), tx: expect.any(String) });
    ground.mine(1);
  });

  test('makes an invoice, and lists channels and routes to one', async () => {
    const { bob, carol } = line;
    const terms = { amount_msat: '7sat', label: 'jug', description: 'a jug', expiry: 60 };
    expect(await call('invoice', terms)).toMatchObject({
      result: { bolt11: expect.stringMatching(/^lnbcrt70n1/), payment_hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(await call('listchannels', { short_channel_id: scid })).toMatchObject({
      result: { channels: Array(2).fill({ short_channel_id: scid, active: true }) },
    });
    expect(await call('listpeerchannels', { peer_id: carol.id })).toMatchObject({
      result: { channels: [{ peer_id: carol.id, short_channel_id: scid, state: 'CHANNELD_NORMAL' }] },
    });
    const wanted = {
      source: bob.id,
      destination: carol.id,
      amount_msat: 10_000,
      layers: ['auto.localchans', 'auto.sourcefree'],
    };
    expect(await call('getroutes', { ...wanted, maxfee_msat: 0, final_cltv: 18 })).toMatchObject({
      result: { routes: [{ amount_msat: 10_000, path: [{ node_id_out: carol.id }] }] },
    });
  });

  test('gives an opening up, opens a channel, and closes it', async () => {
    const opening = { node_id: line.carol.id, amount: 50_000 };
    expect(await call('fundchannel', opening)).toMatchObject({ result: { outnum: expect.any(Number) } });
    expect(await call('fundchannel_cancel', { node_id: line.carol.id })).toMatchObject({
      result: { cancelled: expect.any(String) },
    });
    await line.mine(1);
    const { result } = await call('fundchannel', opening);
    const { channel_id } = result as { readonly channel_id: string };
    await line.mine(6);
    await becomes('open', async () => {
      const { channels } = await line.bob.call('listpeerchannels', { channel_id });
      return channels[0]?.state === 'CHANNELD_NORMAL';
    });
    expect(await call('close', { peer_id: channel_id })).toMatchObject({ result: { type: 'mutual' } });
  });

  test('parts from a peer and comes back, and stops the node', async () => {
    const { id, node } = line.alice;
    expect(await call('disconnect', { peer_id: id, force: true })).toEqual({ result: {} });
    const { port } = node.peers.address ?? {};
    expect(await call('connect', { peer_id: id, host: '127.0.0.1', port })).toMatchObject({ result: { id } });
    expect(await call('stop')).toEqual({ result: { result: 'Shutdown complete' } });
  });

  test('has no method that this node answers and that is not called above', async () => {
    const { stdout } = await run(python, [script]);
    const names = Object.entries(z.record(z.string(), z.string()).parse(JSON.parse(stdout)));
    expect(names.length).toBeGreaterThan(80);
    // Those of its own developers are for tests of Core Lightning.
    const ours = names.filter(([method, name]) => isMethod(name) && !method.startsWith('dev_'));
    expect(ours.map(([method]) => method).filter((method) => !called.has(method))).toEqual([]);
  });
});
