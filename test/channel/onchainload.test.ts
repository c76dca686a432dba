/** A commitment may have nearly a thousand outputs, and each of them makes steps: none may cost what all of them cost. */
import { expect, test } from 'vitest';
import { hex } from '../../wire/bytes.ts';
import { close, htlc } from './play.ts';
import { claimsOf, type FormatName, formatNames, stage, tell, tip, txOf } from './world.ts';

const outpointsOf = (claims: ReturnType<typeof claimsOf>): readonly string[] =>
  claims.map(({ outpoint }) => `${hex(outpoint.txid)}:${outpoint.index}`);

test.each(formatNames)(
  'a spend of one output does not compute the claims of other outputs again: %s',
  async (format: FormatName) => {
    const world = (await stage())(format);
    for (let n = 0; n < 4; n++) htlc(world, 'a', 20_000, n);
    close(world, 'a');
    const before = claimsOf(world, 'a').filter(({ why }) => why === 'htlc_timeout');
    expect(before).toHaveLength(4);
    const [first] = before;
    if (first === undefined || first.kind === 'bump') throw new Error('nothing to claim');
    const tx = txOf(world.chain.ledger.tip.transactions[0]?.tx.toBuffer() ?? new Uint8Array());
    tx.addInput(first.outpoint.txid, first.outpoint.index);
    tell(world, 'a', {
      type: 'output_spent',
      outpoint: first.outpoint,
      tx: new Uint8Array(tx.toBuffer()),
      height: tip(world),
    });
    const after = claimsOf(world, 'a').filter(({ why }) => why === 'htlc_timeout');
    expect(outpointsOf(after)).toEqual(outpointsOf(before.slice(1)));
    // The same values, not only equal ones: a signature that is made again is the dearest of what is done twice.
    for (const [i, claim] of after.entries()) expect(claim).toBe(before[i + 1]);
  },
);
