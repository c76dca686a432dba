/** What the methods of the served chain have in common: bitcoind's error codes, and parameters read one by one. */
import { reversed, unhex } from '../../../wire/bytes.ts';
import { sat } from '../../../wire/units.ts';
import { ChainError } from '../../chain/errors.ts';
import { scaled } from '../../chain/json.ts';
import { networkOf } from '../../ports/network.ts';
import type { Clock } from '../../ports/ports.ts';
import { scriptOfAddress } from '../../wallet/address.ts';
import type { Faucet } from './faucet.ts';
import type { Placed } from './ledger.ts';
import { defaultMaxFee } from './policy.ts';
import type { Regtest } from './regtest.ts';

/** An error as bitcoind answers it. */
export class RpcFault extends Error {
  override readonly name = 'RpcFault';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** bitcoind's error codes. */
export const code = {
  misc: -1,
  wallet: -4,
  notFound: -5,
  noFunds: -6,
  badParameter: -8,
  undecodable: -22,
  verify: -25,
  refused: -26,
  mined: -27,
  noMethod: -32601,
} as const;

/** A ZeroMQ notification: its type, as `pubrawtx`, where, and how many are kept for a subscriber that is slow. */
export interface Published {
  readonly type: string;
  readonly address: string;
  readonly hwm: number;
}

export interface RpcContext {
  readonly regtest: Regtest;
  readonly faucet: Faucet;
  readonly clock: Pick<Clock, 'after'>;
  /** What it publishes over ZeroMQ, as getzmqnotifications has it. */
  readonly published: readonly Published[];
  /** Stops the server after the answer. */
  readonly stop: () => void;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

export type Params = readonly unknown[];
export type Method = (params: Params, context: RpcContext) => unknown;

const network = networkOf('regtest');
export const hashForm = /^[0-9a-f]{64}$/;
const bytesForm = /^(?:[0-9a-fA-F]{2})*$/;

export const bad = (at: number, expected: string): RpcFault =>
  new RpcFault(code.badParameter, `parameter ${at + 1}: expected ${expected}`);

export const text = (params: Params, at: number, form: RegExp, expected: string): string => {
  const value = params[at];
  if (typeof value !== 'string' || !form.test(value)) throw bad(at, expected);
  return value;
};
export const hash = (params: Params, at: number): string => text(params, at, hashForm, '64 lower-case hex digits');
export const bytes = (params: Params, at: number): Uint8Array => unhex(text(params, at, bytesForm, 'hex digits'));
export const whole = (params: Params, at: number, fallback?: number): number => {
  const value = params[at] ?? fallback;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw bad(at, 'an integer');
  return value;
};
export const scriptOf = (address: unknown): Uint8Array => {
  try {
    return scriptOfAddress(String(address), network);
  } catch {
    throw new RpcFault(code.notFound, 'Invalid address');
  }
};
export const satoshi = (amount: unknown): ReturnType<typeof sat> => {
  if (typeof amount !== 'string' && typeof amount !== 'number') throw new RpcFault(-3, 'Invalid amount');
  try {
    return sat(scaled(amount, 8));
  } catch {
    throw new RpcFault(-3, 'Invalid amount');
  }
};
/** A maxfeerate, BTC per 1,000 vbytes, in satoshi; bitcoind's default where none is given. */
export const maxFeeOf = (given: unknown): bigint => {
  if (given === undefined || given === null) return defaultMaxFee;
  const most = satoshi(given);
  if (most >= 100_000_000n)
    throw new RpcFault(code.badParameter, 'Fee rates larger than or equal to 1BTC/kvB are not accepted');
  return most;
};
export const internal = (id: string): Uint8Array => reversed(unhex(id));

export const placed = ({ regtest }: RpcContext, at: string): Placed => {
  try {
    return regtest.ledger.get(at);
  } catch {
    throw new RpcFault(code.notFound, 'Block not found');
  }
};

/** A rejected transaction or block with bitcoind's error code. */
export const withRpcFaults = <T>(act: () => T): T => {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof ChainError) || error.fault.code !== 'rejected') throw error;
    const { message } = error.fault;
    if (message.startsWith('TX decode')) throw new RpcFault(code.undecodable, message);
    // What a package says in its result is an error of its own when one transaction is sent.
    if (message === 'max feerate exceeded')
      throw new RpcFault(code.verify, 'Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)');
    throw new RpcFault(/missingorspent/.test(message) ? code.verify : code.refused, message);
  }
};
