/** The blocks that receiving and relaying insist on, against those after which a channel goes on chain. */

import { expect, test } from 'vitest';
import { defaultLimits, LEAST_FINAL_CLTV } from '../../amp/limits.ts';
import { CLAIM_BUFFER, GRACE_PERIOD } from '../../channel/rules/deadlines.ts';
import { EXPIRY_MARGIN } from '../../channel/rules/limits.ts';
import { loadConfig } from '../../node/config/config.ts';
import { MIN_CLTV_EXPIRY_DELTA } from '../../node/forward/mincltvdelta.ts';
import { context, give, offerOf, ready, secretOf, settle } from '../channel/pair.ts';

/** BOLT 2's assumptions: blocks until a transaction is in one, and blocks that a reorganization takes back. */
const [CONFIRMS, REORG] = [12, 2];

test('what the next peer takes from us at the very last can still be taken from the one before', () => {
  expect(MIN_CLTV_EXPIRY_DELTA).toBeGreaterThanOrEqual(GRACE_PERIOD + CONFIRMS + REORG + CLAIM_BUFFER);
  expect(EXPIRY_MARGIN).toBeGreaterThanOrEqual(GRACE_PERIOD);
});

test('by default there is more time than the least', () => {
  const { policy, cltvFinal } = loadConfig({
    flags: { bitcoind: 'http://u:p@127.0.0.1:1' },
    env: {},
    read: () => undefined,
  });
  expect(policy.cltvDelta).toBeGreaterThan(MIN_CLTV_EXPIRY_DELTA);
  expect(cltvFinal).toBeGreaterThan(LEAST_FINAL_CLTV);
});

test('an HTLC claimed at the last moment leaves its peer some blocks, and then there is time to claim it on chain', () => {
  const pair = ready();
  const { expiry } = offerOf(50_000_000n, 1);
  give(pair, pair.a, offerOf(50_000_000n, 1));
  settle(pair);
  // One block later the receiver would have given it up.
  const claimed = expiry - defaultLimits.expiryMargin - 1;
  const at = (height: number) => ({ ...context, height });
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) }, at(claimed));
  let height = claimed;
  while (pair.b.state.phase === 'open') {
    height++;
    give(pair, pair.b, { type: 'block', height }, at(height));
  }
  expect(height - claimed).toBeGreaterThan(GRACE_PERIOD);
  expect(expiry - height).toBe(CLAIM_BUFFER);
  expect(pair.b.broadcasts.map(({ why }) => why)).toContain('commitment');
});
