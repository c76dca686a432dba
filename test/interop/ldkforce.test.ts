/** Channels of option_static_remotekey with LDK, closed by force. */
import { describe } from 'vitest';
import { describeForcedCloses } from './force.ts';

describe('static_remotekey', () => {
  describeForcedCloses(false, [
    { opener: 'ours', closer: 'ours', killed: true, apart: true },
    { opener: 'ours', closer: 'theirs', killed: false, apart: false },
    { opener: 'theirs', closer: 'ours', killed: false, apart: false },
    { opener: 'theirs', closer: 'theirs', killed: true, apart: true },
  ]);
});
