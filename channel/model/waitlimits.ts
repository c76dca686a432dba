/**
 * How long each thing may be waited for: THE table that waits.ts follows, as plain data.
 */

export interface Row {
  readonly seconds?: number;
  /** Whether an operator may set the seconds (`peer-timeout`). */
  readonly adjustable?: true;
  readonly blocks?: number;
  /** `fail`: our commitment goes on chain. `disconnect`: what nobody signed is forgotten by both, and all begins anew. */
  readonly exit: 'abandon' | 'disconnect' | 'fail';
}

/** THE table. A message stands for the wait for it. */
export const waits = {
  // Coins are set aside meanwhile, and nothing is lost but the attempt.
  accept_channel: { seconds: 60, exit: 'abandon' },
  funding_signed: { seconds: 60, exit: 'abandon' },
  // None of our coins are; and at the other end a person may have to sign with a device of its own (lnd gives him as long).
  funding_created: { seconds: 600, exit: 'abandon' },
  // A fundee's wait for the funding transaction (BOLT 2 names two weeks); unfunded.ts.
  funding: { blocks: 2016, exit: 'abandon' },
  // The funding is confirmed, and the peer does not say channel_ready: two weeks as well, then the money is taken back.
  channel_ready: { blocks: 2016, exit: 'fail' },
  channel_reestablish: { seconds: 60, adjustable: true, exit: 'disconnect' },
  // Answered at once by everybody honest. While it is owed our updates stay unsigned: HTLCs wait that others wait for.
  revoke_and_ack: { seconds: 60, adjustable: true, exit: 'disconnect' },
  // The peer revoked what our updates replaced, and has not signed them for us.
  commitment_signed: { seconds: 60, adjustable: true, exit: 'disconnect' },
  // The peer said `error` before it said where it stands; its commitment is waited for (peererror.ts).
  their_commitment: { blocks: 12, exit: 'fail' },
  // A close, from when it began, HTLCs or not: no HTLC may take longer.
  shutdown: { blocks: 2016, exit: 'fail' },
  // A close with no HTLC left, from when that was so: two days, as `close` itself waits (BOLT 2: "a reasonable time").
  closing_signed: { blocks: 288, exit: 'fail' },
  // The same where the peer is there and its fees and ours do not meet, or it says what cannot be: a day of trying again.
  fee_range: { blocks: 144, exit: 'fail' },
  // A feerate that we refuse, and that the peer cannot take back because it has signed it (feerefused.ts).
  update_fee: { blocks: 144, exit: 'fail' },
} as const satisfies Record<string, Row>;

/** Rows that are counted in seconds. */
export type TimedName = {
  [K in keyof typeof waits]: (typeof waits)[K] extends { seconds: number } ? K : never;
}[keyof typeof waits];

/** A wait that is under way; another `id` is another wait, even for the same message. */
export interface Wait {
  readonly name: TimedName;
  readonly id: string;
}
