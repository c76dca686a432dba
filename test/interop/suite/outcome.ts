/** What became of the cases with the peers: what a run of the suite writes down, and a report is made of. */

/** `out`: node A of a case's text is ours. `in`: it is the peer. */
export type Way = 'out' | 'in';

/** How a case came out with a peer. */
export interface Outcome {
  readonly peer: string;
  readonly version: string;
  readonly group: string;
  readonly text: string;
  readonly way: Way;
  readonly result: 'passed' | 'failed' | 'cannot' | 'missing';
  /** Why not, where it did not pass. */
  readonly why?: string;
}

/** The folder into which each group of cases writes what came of it; nothing is written where it is not set. */
export const recordVariable = 'AMPERE_INTEROP_RECORD';
