/** Channels of anchors_zero_fee_htlc_tx with LDK, closed by force. */
import { describe } from 'vitest';
import { describeForcedCloses } from './force.ts';

describe('anchors_zero_fee_htlc_tx', () => {
  describeForcedCloses(true, [
    { opener: 'ours', closer: 'ours' },
    { opener: 'theirs', closer: 'theirs' },
  ]);
});
