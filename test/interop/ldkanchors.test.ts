/** Our node and LDK with channels of anchors_zero_fee_htlc_tx, which both prefer once LDK is told to. */
import { describe } from 'vitest';
import { describeLives } from './life.ts';

describe('anchors_zero_fee_htlc_tx', () => {
  describeLives(true, [
    { opener: 'ours', closer: 'theirs', payments: 200 },
    { opener: 'theirs', closer: 'ours', payments: 5 },
  ]);
});
