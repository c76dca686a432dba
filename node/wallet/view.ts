/** The outputs of the wallet with their status, unconfirmed transactions of its own included. */
import { COINBASE_MATURITY } from '../../channel/rules/lockin.ts';
import { type Sat, sat, type Txid } from '../../wire/units.ts';
import { outpointKey } from '../chain/watchrules.ts';
import { pending, type WalletState } from './coins.ts';
import type { HeldBack } from './errors.ts';
import type { KeyPath } from './keys.ts';

/** An output of the wallet. The values of `status` are Core Lightning's. */
export interface Fund {
  /** The outpoint as the wallet's key. */
  readonly key: string;
  readonly txid: Txid;
  readonly vout: number;
  readonly amount: Sat;
  readonly path: KeyPath;
  readonly status: 'unconfirmed' | 'confirmed' | 'immature' | 'spent';
  /** Height of its block; undefined while unconfirmed. */
  readonly height: number | undefined;
  /** The owner that it is reserved for. */
  readonly reserved: string | undefined;
}

/** Every output of the wallet, recently spent ones too. Unconfirmed ones are change of its own transactions. */
export const fundsOf = (state: WalletState): readonly Fund[] => {
  const waiting = pending(state);
  const spent = new Set(waiting.flatMap((sent) => sent.spends));
  const confirmed = [...state.coins].map(([key, { txid, vout, amount, path, height, coinbase, spent: gone }]): Fund => {
    const immature = coinbase && state.height + 1 - height < COINBASE_MATURITY;
    const status = gone !== undefined || spent.has(key) ? 'spent' : immature ? 'immature' : 'confirmed';
    return { key, txid, vout, amount, path, height, status, reserved: state.reserved.get(key) };
  });
  const change = waiting.flatMap(({ txid, returns }) =>
    returns.map(({ vout, amount, path }): Fund => {
      const key = outpointKey(txid, vout);
      const status = spent.has(key) ? 'spent' : 'unconfirmed';
      return { key, txid, vout, amount, path, height: undefined, status, reserved: state.reserved.get(key) };
    }),
  );
  return [...confirmed, ...change];
};

/** Confirmations of an output, 0 while unconfirmed. */
export const depthOf = (fund: Fund, height: number): number =>
  fund.height === undefined ? 0 : height - fund.height + 1;

/** Outputs that can be spent now: unspent, not reserved, with that many confirmations (0 allows our own change). */
export const spendable = (state: WalletState, minDepth: number): readonly Fund[] =>
  fundsOf(state).filter(
    (fund) =>
      (fund.status === 'confirmed' || fund.status === 'unconfirmed') &&
      fund.reserved === undefined &&
      depthOf(fund, state.height) >= minDepth,
  );

/** What `spendable` leaves out, by reason. */
export const heldBack = (state: WalletState, minDepth: number): HeldBack => {
  const there = fundsOf(state).filter(({ status }) => status !== 'spent');
  const free = there.filter(({ reserved, status }) => reserved === undefined && status !== 'immature');
  return {
    shallow: sumOf(free.filter((fund) => depthOf(fund, state.height) < minDepth)),
    minDepth,
    reserved: sumOf(there.filter(({ reserved }) => reserved !== undefined)),
    immature: sumOf(there.filter(({ reserved, status }) => reserved === undefined && status === 'immature')),
  };
};

/** Prefix of owners that are claims on chain; coins reserved for them are part of the reserve for claims. */
export const claimOwner = 'claim/';

/** The sum of outputs. */
export const sumOf = (funds: readonly Fund[]): Sat => sat(funds.reduce((sum, fund) => sum + fund.amount, 0n));
