/** Forced closes between our node and LDK with payments under way: each ends as it must, and every output comes home. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { until } from '../../node/regtest/demo/wait.ts';
import { Field, type Held, type Theatre } from './field.ts';

export interface Forced {
  readonly opener: 'ours' | 'theirs';
  readonly closer: 'ours' | 'theirs';
}

const spending = z.array(z.object({ spendingtxid: z.string().optional() }));
/** At most this much, in satoshi, may fees, dust and anchors take from either side. */
const losses = 40_000n;

/** Claims about forced closes of channels of one format. */
export const describeForcedCloses = (anchors: boolean, rows: readonly Forced[]): void => {
  let field: Field;
  beforeAll(async () => {
    field = await Field.start();
  });
  afterAll(() => field?.stop());

  /** Payments in every direction, of every fate, and the balance we had before them, in msat. */
  const under = async ({ lea, channelId }: Theatre) => {
    const { ada, ours, lou } = field;
    const before = await ours.agree(lea, channelId);
    const hold = (payer: Parameters<Field['hold']>[0], payee: typeof lea, sat: bigint): Promise<Held> =>
      field.hold(payer, payee, sat * 1000n);
    return {
      before,
      ownPaid: await hold(ours, lea, 20_000n),
      ownLost: await hold(ours, lea, 17_000n),
      passedPaid: await hold(ada, lea, 15_000n),
      passedLost: await hold(lou, lea, 13_000n),
      backPaid: await hold(lea, lou, 19_000n),
      backLost: await hold(lea, lou, 16_000n),
      dustOut: await hold(ours, lea, 300n),
      dustBack: await hold(lea, lou, 310n),
    };
  };

  /** The connection ends before, so that the other side hears of it from the chain. */
  const close = async (theatre: Theatre, { closer }: Forced): Promise<void> => {
    const { lea, channelId, funding } = theatre;
    await field.part(theatre);
    if (closer === 'theirs') await lea.call('forceClose', { channelId, peer: field.ours.node.id });
    else
      expect(await field.ours.node.call('close', { id: channelId, unilateraltimeout: 1 })).toMatchObject({
        type: 'unilateral',
      });
    await until('the commitment to be published', async () => {
      const [found] = spending.parse(await field.net.bitcoind.call('gettxspendingprevout', [funding]));
      return found?.spendingtxid;
    });
  };

  test.each(rows)('opener: $opener, closer: $closer, we are killed at every turn', async (row) => {
    const { opener, closer } = row;
    const theatre = await field.open(`lea-${opener}-${closer}`, opener, anchors);
    const { lea } = theatre;
    const { before, ...held } = await under(theatre);
    const cut = (): Promise<void> => field.restart();
    await close(theatre, row);
    await cut();
    await field.mine(1);
    await cut();

    // The payees decide after the commitment is in a block, so all of it happens on the chain.
    await field.settle(lea, held.ownPaid);
    await field.settle(lea, held.passedPaid);
    await field.settle(field.lou, held.backPaid);
    await field.lou.call('refuse', { paymentHash: held.backLost.paymentHash });
    await field.lou.call('refuse', { paymentHash: held.dustBack.paymentHash });
    // The preimage that LDK's claim shows is enough for the payer, long before a block has it.
    expect(await held.passedPaid.end).toBe('paid');
    for (let blocks = 0; blocks < 4; blocks++) await field.mine(1);
    await cut();
    let nextCut = 0;
    const { gained, fees, left } = await field.untilSwept(theatre, {
      between: async (mined) => {
        if (mined < nextCut) return;
        nextCut = mined + 120;
        await cut();
      },
    });

    // Calls of a process that was killed ended with it; what it did is in its books.
    const fateOf = async ({ paymentHash, end }: Held): Promise<string> => {
      await end;
      return until(
        'our payment to end',
        async () => {
          const { pays } = await field.ours.node.call('listpays', { payment_hash: paymentHash });
          const [pay] = pays;
          if (pay !== undefined && pay.status !== 'pending') return pay.status === 'complete' ? 'paid' : 'failed';
          // What was swept last may not lie deep enough yet.
          await field.mine(1);
          return undefined;
        },
        { timeout: 90_000, every: 500 },
      );
    };
    expect(await fateOf(held.ownPaid)).toBe('paid');
    expect(await fateOf(held.ownLost)).not.toBe('paid');
    expect(await fateOf(held.dustOut)).not.toBe('paid');
    expect(await held.passedLost.end).toContain('RetriesExhausted');
    expect(await held.backPaid.end).toBe('paid');
    expect(await held.backLost.end).toContain('RetriesExhausted');
    expect(await held.dustBack.end).toContain('RetriesExhausted');

    const litter = left.reduce((sum, one) => sum + one.sat, 0n);
    const mine = before / 1000n - 20_000n - 15_000n + 19_000n;
    const [got = 0n, gotThey = 0n] = [gained.get('ours'), gained.get(lea.name)];
    expect(got + gotThey + fees + litter).toBe(1_000_000n);
    for (const [had, has] of [
      [mine, got],
      [1_000_000n - mine, gotThey],
    ] as const) {
      expect(has).toBeLessThanOrEqual(had + 20n); // forwarding fees
      expect(has).toBeGreaterThan(had - losses);
    }
    await field.rested();
    // 100 blocks after the last of it the channel is over.
    await field.mine(100);
    await until('our node to forget the channel', async () => {
      const { channels } = await field.ours.node.call('listpeerchannels', { channel_id: theatre.channelId });
      return channels.length === 0 ? true : undefined;
    });
  });
};
