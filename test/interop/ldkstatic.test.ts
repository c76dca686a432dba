/** Our node and LDK with channels of option_static_remotekey, which is what LDK opens unless told otherwise. */
import { describe } from 'vitest';
import { describeLives } from './life.ts';

describe('static_remotekey', () => {
  describeLives(false, [
    { opener: 'ours', closer: 'ours', payments: 200 },
    { opener: 'ours', closer: 'theirs', payments: 5 },
    { opener: 'theirs', closer: 'ours', payments: 5 },
    { opener: 'theirs', closer: 'theirs', payments: 200 },
  ]);
});
