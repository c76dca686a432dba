/** What stays in the wallet so that channels with anchors can be taken to the chain: their transactions pay no fee worth the name. */
import { type Sat, sat } from '../../wire/units.ts';
import type { Log } from '../ports.ts';
import type { Fund } from '../wallet/view.ts';
import type { Plan, Wallet } from '../wallet/wallet.ts';
import { coreOf, type Entry } from './entry.ts';

/** As much as Core Lightning leaves by default (min-emergency-msat). */
const EMERGENCY = sat(25_000n);

/** Whether a channel may need coins of the wallet one day. */
const hasAnchors = ({ machine: { state } }: Entry): boolean =>
  state.phase !== 'closed' && coreOf(state)?.params.format === 'anchors_zero_fee_htlc_tx';

/** What is to stay in the wallet, given the channels there are and whether another with anchors is being opened. */
export const emergencyFund = (entries: Iterable<Entry>, anchors: boolean): Sat =>
  anchors || [...entries].some(hasAnchors) ? EMERGENCY : sat(0n);

/** Tells the operator when a payment leaves less than that; he asked for the amount, so it is his to say. */
export const warnOfEmptiness = (wallet: Wallet, { inputs, change }: Plan, fund: Sat, log: Log): void => {
  const sum = (funds: readonly Fund[]): bigint => funds.reduce((total, { amount }) => total + amount, 0n);
  const unspent = wallet.funds().filter(({ status }) => status !== 'spent');
  const left = sum(unspent) - sum(inputs) + (change?.amount ?? 0n);
  if (left >= fund) return;
  log.warn(
    { left: `${left}` },
    `less than ${fund} sat stay in the wallet: channels with anchors may not be closed alone in time; send coins to it (newaddr)`,
  );
};
