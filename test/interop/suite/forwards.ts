/** Cases of payments over several hops: by way of a peer, by way of us, and what is heard of those that fail. */
import { expect } from 'vitest';
import { schemeNames } from '../../../amp/schemes.ts';
import type { NodeProcess } from '../../../node/regtest/demo/process.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import type { Kind, Peer, PeerFailure } from '../peers/peer.ts';
import { feeOf } from './beyond.ts';
import type { Case } from './case.ts';
import { addressOf, Line } from './line.ts';
import { outcome } from './pair.ts';
import { refusedByPayee } from './payments.ts';

const amount = 100_000_000n;

export const startLine = (kind: Kind): Promise<Line> => Line.start(kind, { announce: true });
export const startPrivateLine = (kind: Kind): Promise<Line> => Line.start(kind, { announce: false });
export const startAliasLine = (kind: Kind): Promise<Line> => Line.start(kind, { announce: false, scidAlias: true });

/** What `p` asks for forwarding an amount to bob, in millisatoshi. */
const feeOfP = async ({ bob }: Line, forwarded: bigint): Promise<bigint> => {
  const { channels } = await bob.call('listpeerchannels');
  const terms = channels[0]?.updates?.remote;
  if (terms === undefined) throw new Error('p has not said what it asks for forwarding');
  return terms.fee_base_msat + (forwarded * BigInt(terms.fee_proportional_millionths)) / 1_000_000n;
};

/** Where a peer tells how a payment of its failed, it was so. */
const failedSo = async (payer: Peer, paymentHash: string, failure: PeerFailure): Promise<void> => {
  if (payer.failure !== undefined) expect(await payer.failure(paymentHash)).toEqual(failure);
};

const byScheme = (scheme: string): Case<Line> => ({
  text: `A pays another node of ours through B by an AMP over frames, scheme ${scheme}, in 4 HTLCs`,
  needs: ['forwarding'],
  ways: ['out'],
  run: async (line) => {
    const { bolt11, payment_hash } = await line.invoice(line.bob, amount, 'eob');
    const paid = await line.ada.call('pay', { bolt11, scheme, shards: 4 });
    expect(paid).toMatchObject({ status: 'complete', parts: 4, amount_msat: amount });
    const { invoices } = await line.bob.call('listinvoices', { payment_hash });
    expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: amount }]);
    const most = 4n * ((await feeOfP(line, amount)) + 1n);
    expect(paid.amount_sent_msat - amount).toBeGreaterThan(0n);
    expect(paid.amount_sent_msat - amount).toBeLessThanOrEqual(most);
  },
});

/** How a peer says that a node so many hops away could not go on; the words of LDK and Electrum do not say who. */
const awayAt = (hops: number): RegExp =>
  new RegExp(
    `(TEMPORARY_CHANNEL_FAILURE|UNKNOWN_NEXT_PEER) at hop ${hops}|RetriesExhausted|"TEMPORARY_CHANNEL_FAILURE"`,
  );

export const forwards: readonly Case<Line>[] = [
  {
    text: 'A learns from B of a channel between others, of what both of its ends ask, and of an end of it',
    needs: ['announcing'],
    run: async ({ ada, bob, p, q }, way) => {
      const scidOf = async (node: NodeProcess, peer: Peer): Promise<string> =>
        (await node.call('listpeerchannels', { id: peer.id })).channels[0]?.short_channel_id ?? '';
      if (way === 'in') {
        // Of these q is connected with ada alone, and bob with p.
        expect(await q.graph()).toContainEqual({ scid: await scidOf(bob, p), directions: 2 });
        return;
      }
      const { channels } = await bob.call('listchannels', { short_channel_id: await scidOf(ada, q) });
      expect(channels.map(({ source }) => source).sort()).toEqual([ada.id, q.id].sort());
      await until('bob to know ada itself', async () =>
        (await bob.call('listnodes', { id: ada.id })).nodes[0]?.last_timestamp === undefined ? undefined : true,
      );
    },
  },
  {
    text: 'A forwards a payment between two nodes that are not of its kind, for its fee',
    needs: ['forwarding'],
    run: async (line, way) => {
      const { ada, bob, p, q } = line;
      if (way === 'out') {
        for (const [payer, payee] of [
          [q, p],
          [p, q],
        ] as const) {
          const { bolt11 } = await payee.invoice(amount);
          expect(await payer.pay(bolt11)).toMatchObject({ feeMsat: feeOf(amount) });
        }
        return;
      }
      const fee = await feeOfP(line, amount);
      for (const [payer, payee] of [
        [ada, bob],
        [bob, ada],
      ] as const) {
        const { bolt11 } = await line.invoice(payee, amount);
        const paid = await payer.call('pay', { bolt11 });
        expect(paid).toMatchObject({ status: 'complete', amount_sent_msat: amount + fee });
      }
    },
  },
  {
    text: 'A pays B over two nodes, one of either kind, for the fees of both',
    needs: ['announcing'],
    run: async (line, way) => {
      const { bob, q } = line;
      const fee = await feeOfP(line, amount);
      if (way === 'in') {
        const { bolt11 } = await line.invoice(bob, amount);
        expect(await q.pay(bolt11)).toMatchObject({ feeMsat: fee + feeOf(amount + fee) });
        return;
      }
      const { bolt11 } = await q.invoice(amount);
      const { amount_sent_msat: sent } = await bob.call('pay', { bolt11 });
      const ours = feeOf(amount);
      expect(sent).toBe(amount + ours + (await feeOfP(line, amount + ours)));
    },
  },
  ...schemeNames.map(byScheme),
  {
    text: 'what the payee refuses past A, the payer hears of as refused by the payee',
    needs: { out: ['hold invoices'], in: ['forwarding', 'failures of others'] },
    run: async (line, way) => {
      const { ada, bob, p, q } = line;
      if (way === 'out') {
        const waits = p.kind.cannot['payments refused'] === undefined;
        const { bolt11, paymentHash } = await (waits ? p.holdInvoice(amount) : p.invoice(amount));
        if (!waits) await p.refuse(paymentHash);
        const paying = outcome(q.pay(bolt11));
        if (waits) {
          await p.isHeld(paymentHash);
          await p.refuse(paymentHash);
        }
        expect(await paying).toMatch(refusedByPayee);
        await failedSo(q, paymentHash, { isFinal: true, isOnWay: true });
        return;
      }
      const { bolt11, payment_hash } = await line.invoice(bob, amount);
      const { invoices } = await bob.call('listinvoices', { payment_hash });
      await bob.call('delinvoice', { label: invoices[0]?.label ?? '', status: 'unpaid' });
      expect(await outcome(ada.call('pay', { bolt11 }))).toContain('incorrect_or_unknown_payment_details');
    },
  },
  {
    text: 'with the node behind A away, payers one hop and two hops before A read that it was A who could not go on for now',
    needs: { out: ['forwarding'], in: ['forwarding', 'terms said again'] },
    run: async (line, way) => {
      const { ada, bob, p, q } = line;
      // What comes back to a payer two hops away has passed a node of the other kind.
      if (way === 'in') {
        const { bolt11, payment_hash } = await line.invoice(bob, amount);
        await bob.kill();
        await until('p to see that bob is away', async () => ((await p.peers()).includes(bob.id) ? undefined : true));
        expect(await outcome(ada.call('pay', { bolt11, shards: 1, retry_for: 5 }))).not.toBe('paid');
        const { pays } = await ada.call('listpays', { payment_hash });
        expect(pays[0]?.shards?.[0]?.failure ?? '').toMatch(/^(temporary_channel_failure|unknown_next_peer)$/);
        if (line.announced > 0) expect(await outcome(q.pay(bolt11))).toMatch(awayAt(2));
        await bob.start();
      } else {
        const { bolt11, paymentHash } = await q.invoice(amount);
        // One that is only disconnected may be back, and be paid, before the payment comes; LDK, which keeps nothing, makes no new one.
        const isLasting = q.kind.cannot.restart === undefined;
        if (isLasting) await q.kill();
        else await q.disconnect(ada.id);
        await until('q to be away', async () => {
          const { peers } = await ada.call('listpeers', { id: q.id });
          return peers.every(({ connected }) => !connected) ? true : undefined;
        });
        expect(await outcome(p.pay(bolt11))).toMatch(awayAt(1));
        await failedSo(p, paymentHash, { isFinal: false, isOnWay: true });
        if (line.announced > 0)
          expect(await outcome(bob.call('pay', { bolt11, shards: 1, retry_for: 5 }))).toContain(
            `temporary_channel_failure at node ${ada.id}`,
          );
        const { forwards: failed } = await ada.call('listforwards', { status: 'local_failed' });
        expect(failed.map(({ failreason }) => failreason)).toContain('WIRE_TEMPORARY_CHANNEL_FAILURE');
        if (isLasting) await q.restart();
      }
      for (const peer of [p, q]) await peer.amp?.forget();
      await line.usable();
    },
  },
];

/** Over private channels at both ends, which only hints in invoices tell of. */
export const hints: readonly Case<Line>[] = [
  {
    text: 'A finds its way to B over a private channel by the hint in its invoice',
    needs: ['private channels', 'forwarding'],
    run: async (line, way) => {
      const { bob, q } = line;
      const fee = await feeOfP(line, amount);
      if (way === 'in') {
        const { bolt11 } = await line.invoice(bob, amount);
        expect(await q.pay(bolt11)).toMatchObject({ feeMsat: fee + feeOf(amount + fee) });
        return;
      }
      const { bolt11 } = await q.invoice(amount);
      const ours = feeOf(amount);
      const { amount_sent_msat: sent } = await bob.call('pay', { bolt11 });
      expect(sent).toBe(amount + ours + (await feeOfP(line, amount + ours)));
    },
  },
];

/** Over private channels with option_scid_alias in their type, which are known by no other name. */
export const aliases: readonly Case<Line>[] = hints.map((one) => ({
  ...one,
  run: async (line, way) => {
    const { channels } = await line.bob.call('listpeerchannels');
    expect(channels[0]?.channel_type?.bits).toContain(46);
    await one.run(line, way);
  },
}));

/** Opens, once, a short way from ada to bob, which looks as wide as any and carries nothing in this direction. */
const shortcut = async (line: Line): Promise<string> => {
  const { ada, bob } = line;
  const own = async () => (await ada.call('listpeerchannels', { id: bob.id })).channels[0]?.short_channel_id;
  const there = await own();
  if (there !== undefined) return there;
  await bob.call('connect', addressOf(ada));
  await bob.call('fundchannel', { id: ada.id, amount: 5_000_000n });
  await line.mine(6);
  await line.know(line.announced + 1);
  return (await own()) ?? '';
};

/** The HTLCs that ada did not pass on into a channel, for what that could carry. */
const failedAt = async ({ ada }: Line, out_channel: string): Promise<number> =>
  (await ada.call('listforwards', { status: 'local_failed', out_channel })).forwards.length;

const replacedByUs = async (line: Line): Promise<void> => {
  const { ada, bob, p } = line;
  await shortcut(line);
  // Beside bob's own channel with p there is the way over ada, and of that the last channel carries less than it seems to.
  const [left, whole] = [1_000_000_000n, 3_000_000_000n];
  const { channels } = await ada.call('listpeerchannels', { id: p.id });
  const [last] = channels;
  if (last === undefined) throw new Error('ada has no channel with p');
  const { bolt11 } = await p.invoice(last.spendable_msat - left);
  await ada.call('pay', { bolt11, shards: 1 });
  const params = { destination: p.id, amount_msat: whole, scheme: 'deployed', shards: 2 };
  const paid = await bob.call('keysend', params);
  expect(paid).toMatchObject({ status: 'complete', amount_msat: whole });
  expect(await p.amp?.received()).toEqual({ sets: [{ settled: true, amountMsat: whole }], htlcs: paid.parts });
  expect(await failedAt(line, last.short_channel_id ?? '')).toBeGreaterThan(0);
  // Back to about where it was.
  for (const [node, amountMsat] of [
    [bob, 2_000_000_000n],
    [ada, last.spendable_msat - left],
  ] as const)
    await until(`p to pay ${node.name} back`, async () => {
      await p.pay((await line.invoice(node, amountMsat)).bolt11);
      return true;
    });
};

/** AMP as lnd deploys it, with a shard that fails on its way. */
export const replaced: readonly Case<Line>[] = [
  {
    text: 'A pays B by an AMP of which a shard fails on its way and is replaced by one over another way',
    needs: ['deployed AMP'],
    // Afterwards the short way carries something in this direction, too.
    ways: ['in', 'out'],
    run: async (line, way) => {
      if (way === 'out') return replacedByUs(line);
      const { bob, q } = line;
      const short = await shortcut(line);
      await q.amp?.forget();
      const { bolt11, payment_hash } = await line.invoice(bob, amount, 'deployed');
      expect(await q.amp?.pay(bolt11, amount / 4n)).toBeGreaterThanOrEqual(4);
      const { invoices } = await bob.call('listinvoices', { payment_hash });
      expect(invoices[0]).toMatchObject({ status: 'paid', sets: [{ state: 'settled', amount_received_msat: amount }] });
      expect(await failedAt(line, short)).toBeGreaterThan(0);
    },
  },
];

export const gossip: readonly Case<Line>[] = [
  {
    text: 'A learns by gossip of a channel between two nodes of B, and pays over it',
    ways: ['in'],
    run: async (line) => {
      const { ada, bob, q } = line;
      const short = await shortcut(line);
      expect(await q.graph()).toContainEqual({ scid: short, directions: 2 });
      // It carries something in the direction of the payment only now.
      await bob.call('pay', { bolt11: (await line.invoice(ada, 1_000_000_000n)).bolt11, shards: 1 });
      await q.amp?.forget();
      const { bolt11 } = await line.invoice(bob, amount);
      expect(await q.pay(bolt11)).toMatchObject({ feeMsat: feeOf(amount) });
    },
  },
];
