/** Channels of option_static_remotekey with LDK, closed by force. */
import { describe } from 'vitest';
import { describeForcedCloses } from './force.ts';

describe('static_remotekey', () => {
  describeForcedCloses(false, [
    { opener: 'ours', closer: 'ours' },
    { opener: 'theirs', closer: 'theirs' },
  ]);
});
