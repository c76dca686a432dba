/** An output too small to be taken alone goes with another claim where it pays, and never stands in that one's way. */

import { afterEach, describe, expect, test } from 'vitest';
import type { SweepClaim } from '../../../channel/model/claim.ts';
import { planClaim } from '../../../node/sweep/plan.ts';
import { roundedUpFee } from '../../../node/wallet/select.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { sat, txid } from '../../../wire/units.ts';
import { rawOf } from '../../support/spend.ts';
import { benchesOf, feeOf as paidBy } from './bench.ts';
import { built, input, script, sweep, weightOfDraft, world } from './claims.ts';

const open = benchesOf(afterEach);

describe('what is planned', () => {
  const anchor = { outpoint: { txid: txid(sha256(Uint8Array.of(2))), index: 1 }, value: sat(330n), ...input };
  const claim: SweepClaim = sweep(50_000n, { anchor: { ...anchor, witnessWeight: 116 } });
  const extra = 41 * 4 + 116;

  test.each([
    [253, true],
    [1_175, true],
    [1_179, false],
    [2_500, false],
  ])('at %i sat per 1,000 weight it is taken along: %s', (estimatedFeerate, taken) => {
    const draft = built(planClaim(claim, undefined, world({ estimatedFeerate })));
    expect(draft.withAnchor).toBe(taken);
    const fee = roundedUpFee(weightOfDraft(draft) + (taken ? extra : 0), estimatedFeerate);
    expect(draft.fee).toBe(fee);
    expect(draft.outputs).toEqual([{ script, value: 50_000n + (taken ? 330n : 0n) - fee }]);
  });

  test('a claim is planned without the anchor where the network rejected it with the anchor', () => {
    expect(built(planClaim(claim, undefined, world({ estimatedFeerate: 253, withoutAnchor: true }))).withAnchor).toBe(
      false,
    );
  });
});

describe('what is published', () => {
  /** A sweep that may take a small output along, at fees that make that pay. */
  const offered = async () => {
    const bench = await open();
    bench.regtest.demand = 300;
    const coin = await bench.output(100_000n);
    const beside = await bench.output(1_000n);
    return { bench, coin, beside };
  };

  test('spends both, and once more after a restart', async () => {
    const { bench, coin, beside } = await offered();
    const before = bench.balance();
    const claim = await bench.claim(coin, { kind: 'sweep', beside });
    await bench.restart();
    const tx = bench.spenderOf(claim);
    expect(tx?.ins).toHaveLength(2);
    await bench.mine();
    expect(bench.balance() - before).toBe(101_000n - paidBy(tx, 101_000n));
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });

  test.each(['in the mempool', 'in a block'])(
    'a claim is published without the anchor where somebody spent the anchor first, %s',
    async (where) => {
      const { bench, coin, beside } = await offered();
      bench.regtest.send(rawOf(bench.owner.give([beside], 700n)));
      if (where === 'in a block') await bench.mine();
      const claim = await bench.claim(coin, { kind: 'sweep', beside });
      expect(bench.spenderOf(claim)?.ins).toHaveLength(1);
      await bench.mine();
      expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
    },
  );

  test('a claim is republished without the anchor once a block spends the anchor otherwise', async () => {
    const { bench, coin, beside } = await offered();
    const claim = await bench.claim(coin, { kind: 'sweep', beside });
    expect(bench.spenderOf(claim)?.ins).toHaveLength(2);
    bench.regtest.mine(1, script, { only: [rawOf(bench.owner.give([beside], 500n))] });
    await bench.caughtUp();
    expect(bench.spenderOf(claim)?.ins).toHaveLength(1);
    await bench.mine();
    expect(bench.engine.claimsWithStatus('channel')).toEqual([]);
  });
});
