/**
 * The time limits of everything a channel waits for: the table that waits.ts follows.
 */

export interface WaitLimit {
  readonly seconds?: number;
  /** Whether an operator may set the seconds (`peer-timeout`). */
  readonly adjustable?: true;
  readonly blocks?: number;
  /** `fail`: our commitment goes on chain. `disconnect`: a reconnect reverses uncommitted updates and starts over. */
  readonly exit: 'abandon' | 'disconnect' | 'fail';
}

/** The table. A message name stands for the wait for that message. */
export const waitLimits = {
  // Coins are reserved meanwhile, and only the attempt is lost.
  accept_channel: { seconds: 60, exit: 'abandon' },
  funding_signed: { seconds: 60, exit: 'abandon' },
  // No coins of ours are reserved, and the funder may sign with an external device (lnd allows it as long).
  funding_created: { seconds: 600, exit: 'abandon' },
  // A fundee's wait for the funding transaction (BOLT 2 names two weeks); unfunded.ts.
  funding: { blocks: 2016, exit: 'abandon' },
  // The funding is confirmed and the peer sends no channel_ready: force-closed after two weeks as well.
  channel_ready: { blocks: 2016, exit: 'fail' },
  channel_reestablish: { seconds: 60, adjustable: true, exit: 'disconnect' },
  // An honest peer answers at once. Until then our updates stay unsigned and HTLCs are held up.
  revoke_and_ack: { seconds: 60, adjustable: true, exit: 'disconnect' },
  // The peer revoked for our updates and has not signed our commitment with them.
  commitment_signed: { seconds: 60, adjustable: true, exit: 'disconnect' },
  // The peer sent `error` before channel_reestablish: its commitment is waited for (peererror.ts).
  their_commitment: { blocks: 12, exit: 'fail' },
  // A close, from when it began, HTLCs or not: no HTLC may take longer.
  shutdown: { blocks: 2016, exit: 'fail' },
  // A close with no HTLC left, from when that was so: two days, as `close` itself waits (BOLT 2: "a reasonable time").
  closing_signed: { blocks: 288, exit: 'fail' },
  // The same where the peer is online and the fee ranges do not meet: retried for a day.
  fee_range: { blocks: 144, exit: 'fail' },
  // A feerate that we refuse and the peer repeats because it has signed it (feerefused.ts).
  update_fee: { blocks: 144, exit: 'fail' },
} as const satisfies Record<string, WaitLimit>;

/** Rows that are counted in seconds. */
export type TimedName = {
  [K in keyof typeof waitLimits]: (typeof waitLimits)[K] extends { seconds: number } ? K : never;
}[keyof typeof waitLimits];

/** A wait under way; another `id` is another wait, even for the same message. */
export interface Wait {
  readonly name: TimedName;
  readonly id: string;
}
