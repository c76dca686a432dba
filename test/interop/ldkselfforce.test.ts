/** LDK with itself on the chain: what drives it brings every output of a forced close home, in both channel formats. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillPurses, type Ground, mineFor, reorganize, startGround, strideFor } from './ground.ts';
import { Ldk } from './peer.ts';
import { isLitter, Ledger, purses } from './trace.ts';

const sat = 1_000_000n;
const pushMsat = 400_000_000n;

let ground: Ground & { stop(): Promise<void> };
let ledger: Ledger;
beforeAll(async () => {
  ground = await startGround();
  ledger = new Ledger(ground.bitcoind);
});
afterAll(() => ground?.stop());

/**
 * Has a payment wait at the payee; gives its hash and its end, `sent` or why not. No two have the same expiry: LDK 0.1.2
 * puts timeouts of one expiry into one transaction, and cannot make that again without one that was fulfilled meanwhile.
 */
const held = async (payer: Ldk, payee: Ldk, amountMsat: bigint) => {
  const { bolt11, paymentHash } = await payee.call('invoice', { amountMsat, description: 'held' });
  const end = payer.call('pay', { bolt11 }).then(
    () => 'sent',
    (error: Error) => error.message,
  );
  await payee.report('claimable', (one) => one.paymentHash === paymentHash);
  await mineFor(ground, [payer, payee], 1);
  return { paymentHash, end };
};

/** Mines until LDK, on both sides, has nothing to wait for. */
const settled = async (nodes: readonly Ldk[]): Promise<void> => {
  for (let mined = 0, count = 0; mined < 700; mined += count) {
    count = await strideFor(nodes);
    await mineFor(ground, nodes, count);
    const waits = await Promise.all(nodes.map((node) => node.call('balances')));
    if (waits.every((rows) => rows.length === 0)) return;
  }
  throw new Error('after 700 blocks LDK still waits');
};

describe.each([
  { format: 'static_remotekey', anchors: false },
  { format: 'anchors_zero_fee_htlc_tx', anchors: true },
])('$format', ({ format, anchors }) => {
  const nodes: Ldk[] = [];
  afterAll(async () => {
    for (const node of nodes) await node.stop();
  });

  const start = async (name: string): Promise<Ldk> => {
    const node = await Ldk.start({ name: `${name}-${format}`, anchors, dir: ground.dir, bitcoind: ground.bitcoind });
    nodes.push(node);
    return node;
  };

  const opened = async (a: Ldk, b: Ldk) => {
    await a.call('connect', b.address);
    const { channelId, txid } = await a.call('open', { id: b.id, sat, pushMsat, announce: false });
    await mineFor(ground, [a, b], 6);
    const { fundingOutput = 0 } = await a.quiet(channelId);
    expect((await b.quiet(channelId)).anchors).toBe(anchors);
    for (const node of [a, b]) await node.call('hold', { on: true });
    return { channelId, txid, vout: fundingOutput };
  };

  test('a forced close with payments under way both ways leaves nothing behind', async () => {
    const [a, b] = [await start('alba'), await start('brina')];
    await fillPurses(ground, [a, b]);
    const { channelId, ...funding } = await opened(a, b);
    const there = await held(a, b, 20_000_000n);
    const back = await held(b, a, 15_000_000n);
    const [lost, dust] = [await held(a, b, 17_000_000n), await held(b, a, 300_000n)];
    await a.call('disconnect', { id: b.id });
    await a.call('forceClose', { channelId, peer: b.id });
    await mineFor(ground, [a, b], 1);
    for (const node of [a, b]) await node.report('channel_closed', (one) => one.channelId === channelId);
    await b.call('settle', { paymentHash: there.paymentHash });
    await a.call('settle', { paymentHash: back.paymentHash });
    await settled([a, b]);
    expect(await there.end).toBe('sent');
    expect(await back.end).toBe('sent');
    expect(await lost.end).toContain('RetriesExhausted');
    expect(await dust.end).toContain('RetriesExhausted');

    const { gained, fees, left } = await ledger.trace(funding, await purses([a, b]));
    expect(left.filter((one) => !isLitter(one))).toEqual([]);
    const litter = left.reduce((sum, one) => sum + one.sat, 0n);
    const [ofA = 0n, ofB = 0n] = [gained.get(a.name), gained.get(b.name)];
    expect(ofA + ofB + fees + litter).toBe(sat);
    // a has 600,000, less 20,000 and plus 15,000; b the rest. What is missing of that went into fees, anchors and dust.
    for (const [had, has] of [
      [595_000n, ofA],
      [405_000n, ofB],
    ] as const) {
      expect(has).toBeLessThan(had);
      expect(has).toBeGreaterThan(had - 25_000n);
    }
    for (const node of nodes) expect(node.reports.filter(({ event }) => event === 'trouble')).toEqual([]);
    expect(nodes.some(({ reports }) => reports.some(({ event }) => event === 'bumped'))).toBe(anchors);
  });

  test('a reorganization that takes the close out of the chain changes nothing in the end', async () => {
    const [a, b] = [await start('alma'), await start('bruna')];
    await fillPurses(ground, [a, b]);
    const { channelId, ...funding } = await opened(a, b);
    const there = await held(a, b, 20_000_000n);
    await b.call('forceClose', { channelId, peer: a.id });
    await mineFor(ground, [a, b], 1);
    await b.call('settle', { paymentHash: there.paymentHash });
    await mineFor(ground, [a, b], 2);
    await reorganize(ground, [a, b], 3);
    await settled([a, b]);
    expect(await there.end).toBe('sent');
    const { left } = await ledger.trace(funding, await purses([a, b]));
    expect(left.filter((one) => !isLitter(one))).toEqual([]);
  });

  test('an old commitment, published with payments in it that are long over, is taken to the last output', async () => {
    const [a, b] = [await start('anna'), await start('berta')];
    await fillPurses(ground, [a, b]);
    const { channelId, ...funding } = await opened(a, b);
    await a.call('keep', { on: true });
    const [there, back] = [await held(a, b, 20_000_000n), await held(b, a, 15_000_000n)];
    await a.call('keep', { on: false });
    await b.call('settle', { paymentHash: there.paymentHash });
    await a.call('settle', { paymentHash: back.paymentHash });
    expect(await Promise.all([there.end, back.end])).toEqual(['sent', 'sent']);
    await a.quiet(channelId);
    await a.call('disconnect', { id: b.id });
    await a.call('steal', { channelId });
    await settled([b]);
    const { gained, left } = await ledger.trace(funding, await purses([a, b]));
    expect(left.filter((one) => !isLitter(one))).toEqual([]);
    expect(gained.get(b.name)).toBeGreaterThan(sat - 25_000n);
    expect(gained.get(a.name) ?? 0n).toBeLessThanOrEqual(0n);
  });
});
