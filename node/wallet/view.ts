/** The wallet as seen from outside: each output with its standing, after what was sent but is not mined yet. */
import { COINBASE_MATURITY } from '../../channel/rules/lockin.ts';
import { type Sat, sat, type Txid } from '../../wire/units.ts';
import { outpointKey } from '../chain/watchrules.ts';
import { pending, type WalletState } from './coins.ts';
import type { HeldBack } from './errors.ts';
import type { KeyPath } from './keys.ts';

/** An output of ours. The words of `status` are Core Lightning's. */
export interface Fund {
  /** The outpoint as the wallet's key. */
  readonly key: string;
  readonly txid: Txid;
  readonly vout: number;
  readonly amount: Sat;
  readonly path: KeyPath;
  readonly status: 'unconfirmed' | 'confirmed' | 'immature' | 'spent';
  /** Of the block it is in; undefined while unconfirmed. */
  readonly height: number | undefined;
  /** Whom it is promised to. */
  readonly reserved: string | undefined;
}

/** Every output the wallet knows, those spent lately too. Unconfirmed ones are change of our own transactions. */
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

/** Those a transaction may spend now: ours to spend, promised to nobody, and as deep as asked (0 allows our own change). */
export const spendable = (state: WalletState, minDepth: number): readonly Fund[] =>
  fundsOf(state).filter(
    (fund) =>
      (fund.status === 'confirmed' || fund.status === 'unconfirmed') &&
      fund.reserved === undefined &&
      depthOf(fund, state.height) >= minDepth,
  );

/** What of the wallet `spendable` leaves out. */
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

/** How owners begin that are claims on chain: what is promised to them is spent for what it was kept for. */
export const claimOwner = 'claim/';

/** The sum of some outputs. */
export const sumOf = (funds: readonly Fund[]): Sat => sat(funds.reduce((sum, fund) => sum + fund.amount, 0n));
