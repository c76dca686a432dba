/** The life of a channel between our node and LDK, as npm ships it, on a real bitcoind: opened, used, cut, closed together. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { sleep, until } from '../../node/regtest/demo/wait.ts';
import { mineFor } from './ground.ts';
import { Ours } from './ours.ts';
import { Ldk } from './peer.ts';

interface Spender {
  readonly txid: string;
  readonly outputs: readonly { readonly n: number; readonly sat: bigint }[];
}

const spending = z.array(z.object({ spendingtxid: z.string().optional() }));
const rawTransaction = z.object({
  vout: z.array(
    z
      .object({ n: z.number(), value: z.union([z.string(), z.number()]) })
      .transform(({ n, value }) => ({ n, sat: BigInt(Math.round(Number(value) * 1e8)) })),
  ),
});

const sat = 1_000_000n;
const pushMsat = 400_000_000n;

/** The transaction, in bitcoind's mempool, that spends an output. */
const spender = ({ bitcoind }: Network<'ours'>, txid: string, vout: number): Promise<Spender> =>
  until(`${txid}:${vout} to be spent`, async () => {
    const [found] = spending.parse(await bitcoind.call('gettxspendingprevout', [{ txid, vout }]));
    if (found?.spendingtxid === undefined) return undefined;
    const tx = rawTransaction.parse(await bitcoind.call('getrawtransaction', found.spendingtxid, true));
    return { txid: found.spendingtxid, outputs: tx.vout };
  });

export interface Life {
  readonly opener: 'ours' | 'theirs';
  readonly closer: 'ours' | 'theirs';
  /** How many payments it takes each way. */
  readonly payments: number;
}

/** Claims about channels of one format, each with an LDK node of its own. */
export const describeLives = (anchors: boolean, rows: readonly Life[]): void => {
  let net: Network<'ours'>;
  let ours: Ours;

  beforeAll(async () => {
    net = await startNetwork({ nodes: { ours: ['--dev', '--log-level', 'debug'] } });
    ours = new Ours(net.nodes.ours);
    await net.fund({ ours: [5_000_000n, 5_000_000n] });
  });
  afterAll(() => net?.stop());

  describe.each(rows)('opener: $opener, closer: $closer', ({ opener, closer, payments }) => {
    let ldk: Ldk;
    let channelId = '';

    beforeAll(async () => {
      ldk = await Ldk.start({ name: `ldk-${opener}-${closer}`, dir: net.dir, bitcoind: net.bitcoind, anchors });
    });
    afterAll(() => ldk?.stop());

    test('a channel opens, and both agree on who has what', async () => {
      await ours.connect(ldk, opener);
      if (opener === 'ours') {
        const funded = await ours.node.call('fundchannel', { id: ldk.id, amount: sat, push_msat: pushMsat });
        channelId = funded.channel_id;
      } else ({ channelId } = await ldk.call('open', { id: ours.node.id, sat, pushMsat }));
      await net.mine(6);
      const pushed = sat * 1000n - pushMsat;
      expect(await ours.agree(ldk, channelId)).toBe(opener === 'ours' ? pushed : pushMsat);
      expect((await ldk.channel(channelId)).anchors).toBe(anchors);
      const { channel_type } = await ours.channel(channelId);
      expect(channel_type?.bits).toEqual(anchors ? [12, 22] : [12]);
    });

    test(`it takes ${payments} payments each way, one after the other`, async () => {
      const before = await ours.agree(ldk, channelId);
      for (let i = 0; i < payments; i++) {
        await ours.pays(ldk, 1_000_000n + BigInt(i));
        await ours.paidBy(ldk, 1_000_001n + BigInt(i));
      }
      expect(await ours.agree(ldk, channelId)).toBe(before + BigInt(payments));
    });

    test('it takes payments from both at once', async () => {
      const before = await ours.agree(ldk, channelId);
      const both = Array.from({ length: 10 }, (_, i) => [
        ours.pays(ldk, 1_000_000n + BigInt(i)),
        ours.paidBy(ldk, 1_000_001n + BigInt(i)),
      ]);
      await Promise.all(both.flat());
      expect(await ours.agree(ldk, channelId)).toBe(before + 10n);
    });

    test('the opener changes the feerate, up and down, and payments go on', async () => {
      const before = await ours.agree(ldk, channelId);
      for (const perKw of [6000, 1500]) {
        if (opener === 'ours') await ours.node.call('dev-feerate', { id: channelId, feerate: perKw });
        else {
          await ldk.call('feerate', { perKw });
          await ldk.call('tick');
        }
        await ours.when(`have feerate ${perKw}`, channelId, ({ feerate }) => feerate?.perkw === perKw);
        await until(`LDK's feerate to be ${perKw}`, async () =>
          (await ldk.channel(channelId)).feerate === perKw ? true : undefined,
        );
        await ours.pays(ldk, 1_000_000n);
        await ours.paidBy(ldk, 1_000_001n);
      }
      expect(await ours.agree(ldk, channelId)).toBe(before + 2n);
    });

    test('a payment they hold is settled over a new connection, made by either', async () => {
      for (const caller of ['ours', 'theirs'] as const) {
        const before = await ours.agree(ldk, channelId);
        await ldk.call('hold', { on: true });
        const { bolt11, paymentHash } = await ldk.call('invoice', { amountMsat: 3_000_000n, description: 'held' });
        const paying = ours.node.call('pay', { bolt11 });
        await ldk.report('claimable', (one) => one.paymentHash === paymentHash);
        await ldk.call('disconnect', { id: ours.node.id });
        await ours.apart(ldk);
        await ldk.call('settle', { paymentHash });
        await ldk.call('hold', { on: false });
        await ours.connect(ldk, caller);
        expect(await paying).toMatchObject({ status: 'complete', payment_hash: paymentHash });
        expect(await ours.agree(ldk, channelId)).toBe(before - 3_000_000n);
      }
    });

    test('a payment they hold outlives the end of our process', async () => {
      const before = await ours.agree(ldk, channelId);
      await ldk.call('hold', { on: true });
      const { bolt11, paymentHash } = await ldk.call('invoice', { amountMsat: 5_000_000n, description: 'held' });
      const paying = ours.node.call('pay', { bolt11 }).catch(() => 'cut off');
      await ldk.report('claimable', (one) => one.paymentHash === paymentHash);
      await ours.node.kill();
      expect(await paying).toBe('cut off');
      await ldk.call('settle', { paymentHash });
      await ldk.call('hold', { on: false });
      await ours.node.start();
      await ours.connect(ldk, 'ours');
      expect(await ours.agree(ldk, channelId)).toBe(before - 5_000_000n);
      const { pays } = await ours.node.call('listpays', { payment_hash: paymentHash });
      expect(pays).toMatchObject([{ status: 'complete' }]);
    });

    test('a payment cut at any moment ends the same on both sides', async () => {
      for (let delay = 0; delay < 20; delay++) {
        const before = await ours.agree(ldk, channelId);
        const [out, into] = [2_000_000n, 1_000_000n];
        const both = [ours.pays(ldk, out), ours.paidBy(ldk, into)];
        const ended = Promise.allSettled(both);
        await sleep(delay);
        if (delay % 2 === 0) await ldk.call('disconnect', { id: ours.node.id });
        else await ours.node.call('disconnect', { id: ldk.id, force: true });
        await ours.apart(ldk);
        await ours.connect(ldk, delay % 4 < 2 ? 'ours' : 'theirs');
        const [paid, received] = (await ended).map(({ status }) => status === 'fulfilled');
        const after = before - (paid ? out : 0n) + (received ? into : 0n);
        expect(await ours.agree(ldk, channelId)).toBe(after);
      }
    });

    test('a payment they refuse comes back to us', async () => {
      const before = await ours.agree(ldk, channelId);
      await ldk.call('hold', { on: true });
      const { bolt11, paymentHash } = await ldk.call('invoice', { amountMsat: 3_000_000n, description: 'unwanted' });
      const paying = ours.node.call('pay', { bolt11 }).catch((error: Error) => error.message);
      await ldk.report('claimable', (one) => one.paymentHash === paymentHash);
      await ldk.call('refuse', { paymentHash });
      await ldk.call('hold', { on: false });
      expect(await paying).toContain('incorrect_or_unknown_payment_details');
      expect(await ours.agree(ldk, channelId)).toBe(before);
    });

    test('it closes, and each has what was its own', async () => {
      const before = await ours.agree(ldk, channelId);
      const { funding_txid, funding_outnum } = await ours.channel(channelId);
      if (closer === 'ours') expect(await ours.node.call('close', { id: channelId })).toMatchObject({ type: 'mutual' });
      else await ldk.call('close', { channelId, peer: ours.node.id });
      const { reason } = await ldk.report('channel_closed', (one) => one.channelId === channelId);
      expect(reason).toContain('cooperatively closed');

      const closing = await spender(net, funding_txid, funding_outnum);
      // Each side's share is rounded down to whole satoshi; what that leaves is nobody's.
      const shares = before / 1000n + (sat * 1000n - before) / 1000n;
      const fee = closing.outputs.reduce((left, output) => left - output.sat, shares);
      expect(fee).toBeGreaterThan(0n);
      expect(fee).toBeLessThan(sat / 100n);
      await net.mine(6);
      await ldk.report('swept');
      await mineFor(net, [ldk], 1);
      const { outputs } = await ours.node.call('listfunds');
      const own = outputs.filter(({ txid }) => txid === closing.txid);
      expect(own).toMatchObject([{ amount_msat: (before / 1000n - (opener === 'ours' ? fee : 0n)) * 1000n }]);
      for (const { n } of closing.outputs) {
        const unspent = await net.bitcoind.call('gettxout', closing.txid, n);
        expect(unspent === null).toBe(own.every(({ output }) => output !== n));
      }
    });
  });
};
