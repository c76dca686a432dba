/** The state of each claim, for the log and for operators. A change of state is logged, with what the claim waits for. */
import type { Claim } from '../../channel/model/claim.ts';
import { hex, reversed } from '../../wire/bytes.ts';
import type { Sat } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';

export type ClaimStatus =
  /** Its locks allow it in the block of height `claim.from` at the earliest. */
  | { readonly state: 'locked' }
  /** The commitment, or another of the channel that waits, pays enough by itself. */
  | { readonly state: 'parent_suffices' }
  /** `missing` where it should pay a higher fee, but the wallet is short by that much. */
  | { readonly state: 'published'; readonly txid: string; readonly fee: Sat; readonly missing: Sat | undefined }
  /** The wallet is short by `missing` to pay its fee. */
  | { readonly state: 'short_of_coins'; readonly missing: Sat }
  /** Its fee would exceed its value. */
  | { readonly state: 'uneconomical' }
  | { readonly state: 'refused'; readonly reason: string };

/** A claim and its state; undefined before it was first processed. */
export interface ClaimWithStatus {
  readonly claim: Claim;
  readonly status: ClaimStatus | undefined;
}

/** An outpoint as people write it, TXID:OUTPUT. */
export const outpointText = ({ txid, index }: Claim['outpoint']): string => `${hex(reversed(txid))}:${index}`;

/** One line that says what the claim is and what it waits for. */
export const claimStatusText = ({ claim, status }: ClaimWithStatus): string => {
  const { why, value, from, deadline } = claim;
  const what = `${why} of ${value} sat in ${outpointText(claim.outpoint)}`;
  const before = deadline === undefined ? '' : `, wanted before block ${deadline}`;
  switch (status?.state) {
    case undefined:
      return `${what}: to be claimed from block ${from} on`;
    case 'locked':
      return why === 'closing'
        ? `${what}: left to its own fee until block ${from}`
        : `${what}: can be claimed in block ${from}`;
    case 'parent_suffices':
      return `${what}: what waits for a block pays enough, no fee is added`;
    case 'published': {
      const short = status.missing === undefined ? '' : `, ${status.missing} sat short in the wallet for a higher fee`;
      return `${what}: claimed by ${status.txid} for a fee of ${status.fee} sat, not confirmed yet${before}${short}`;
    }
    case 'short_of_coins':
      return `${what}: waits for ${status.missing} sat in the wallet to pay its fee${before}`;
    case 'uneconomical':
      return `${what}: not claimed, since the fee would exceed its value`;
    case 'refused':
      return `${what}: the network rejected our claim (${status.reason})${before}`;
  }
};

/** Blocks after which it is logged again that the wallet is short of coins. */
const REMINDER = 6;

/** Holds the state of every claim, and logs what changes. */
export class ClaimStatuses {
  private readonly log: Log;
  private readonly known = new Map<string, { readonly status: ClaimStatus; readonly said: number }>();

  constructor(log: Log) {
    this.log = log;
  }

  get(key: string): ClaimStatus | undefined {
    return this.known.get(key)?.status;
  }

  forget(key: string): void {
    this.known.delete(key);
  }

  /** Records a claim's state at this height, and logs it where it changed. `channel` and `key` name channel and claim. */
  note(channel: string, key: string, claim: Claim, status: ClaimStatus, height: number): void {
    const last = this.known.get(key);
    const same =
      last !== undefined && claimStatusText({ claim, status }) === claimStatusText({ claim, status: last.status });
    const wanting = 'missing' in status && status.missing !== undefined;
    const again = same && wanting && height >= last.said + REMINDER;
    this.known.set(key, { status, said: same && !again ? last.said : height });
    if (!same || again) this.say(channel, claim, status, last?.status);
  }

  private say(channel: string, claim: Claim, status: ClaimStatus, last: ClaimStatus | undefined): void {
    const { log } = this;
    const { why, value, deadline, outpoint } = claim;
    const fields = {
      channel,
      output: outpointText(outpoint),
      what: why,
      value: `${value}`,
      ...(deadline !== undefined && { deadline }),
    };
    const send = (missing: Sat) => `send at least ${missing} sat to an address of this node (newaddr)`;
    switch (status.state) {
      case 'locked':
        if (why !== 'closing')
          log.info({ ...fields, from: claim.from }, 'an output on chain can be claimed once its timelock has passed');
        break;
      case 'parent_suffices':
        log.debug(fields, 'a transaction of the channel that waits for a block pays enough by itself');
        break;
      case 'published': {
        const { txid, fee, missing } = status;
        const paid = { ...fields, txid, fee: `${fee}` };
        if (last?.state !== 'published') log.info(paid, 'claiming an output on chain');
        else if (last.txid !== txid) log.info(paid, 'a claim was replaced by one with a higher fee');
        if (missing !== undefined)
          log.warn(
            paid,
            `a claim pays a lower fee than it should because the wallet is short of coins: ${send(missing)}`,
          );
        break;
      }
      case 'short_of_coins':
        log.warn(fields, `the wallet cannot pay the fee of a claim on chain: ${send(status.missing)}`);
        break;
      case 'uneconomical':
        log.info(fields, 'not claiming an output on chain: the fee would exceed its value');
        break;
      case 'refused':
        log.warn({ ...fields, reason: status.reason }, 'the network rejected a claim: retrying it');
    }
  }
}
