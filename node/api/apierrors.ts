/**
 * What a caller is told of a failure that no bug is behind: bitcoind is away, the disk is full, the wallet or a peer says no. Every
 * handler's errors pass here, so that "failed inside the node" means one thing only.
 */
import { InvoiceError } from '../../wire/invoice/errors.ts';
import { BackupError } from '../backup/errors.ts';
import { ChainError } from '../chain/errors.ts';
import { OpeningError } from '../channels/opening.ts';
import { ConnectError } from '../peer/peers.ts';
import { RuneError } from '../runes/errors.ts';
import { StoreError } from '../store/errors.ts';
import { WalletError, type WalletFault } from '../wallet/errors.ts';
import { ApiError, type ErrorName } from './errors.ts';
import type { CallContext } from './method.ts';
import { isRows } from './rpc/streaming.ts';

const stops = (): ApiError => new ApiError('shutting_down', 'the node is stopping: ask again once it is started');

const ofChain = ({ fault, message }: ChainError): ApiError => {
  if (fault.code === 'closed') return stops();
  if (fault.code === 'rejected') return new ApiError('fund_broadcast', message);
  return new ApiError('chain', `${message}. Try again once bitcoind is well`);
};

/** What could not be written is not known to have happened, and the node goes on with nothing after it; what cannot be read ends no node. */
const ofStore = ({ fault, message }: StoreError): ApiError => {
  if (fault.code === 'closed') return stops();
  const after =
    fault.code === 'write_failed'
      ? '. The node ends: see to its disk, start it again, and look then what became of this'
      : '';
  return new ApiError('general', `${message}${after}`);
};

const ofWallet = ({ fault, message }: WalletError): ApiError => {
  const reasons: Partial<Record<WalletFault['code'], 'fund_cannot_afford' | 'fund_dust'>> = {
    insufficient_funds: 'fund_cannot_afford',
    reserved_for_claims: 'fund_cannot_afford',
    dust: 'fund_dust',
  };
  return new ApiError(reasons[fault.code] ?? 'general', message);
};

const ofRune = ({ code, message }: RuneError): ApiError => {
  const reasons: Partial<Record<RuneError['code'], ErrorName>> = {
    not_authorized: 'rune_not_authorized',
    not_permitted: 'rune_not_permitted',
    blacklisted: 'rune_blacklisted',
  };
  const known = reasons[code];
  if (known !== undefined) return new ApiError(known, message);
  if (code === 'too_many_ranges') return new ApiError('general', message);
  return new ApiError('invalid_params', `rune: ${message}`, { field: 'rune' });
};

/** An error as callers are told it; undefined for one that is a mistake of ours. */
export const apiErrorOf = (error: unknown): ApiError | undefined => {
  if (error instanceof ApiError) return error;
  if (error instanceof ChainError) return ofChain(error);
  if (error instanceof StoreError) return ofStore(error);
  if (error instanceof WalletError) return ofWallet(error);
  if (error instanceof OpeningError) return new ApiError('fund_state', `the channel was not opened: ${error.message}`);
  if (error instanceof BackupError) return new ApiError('general', error.message, { fault: error.fault.code });
  if (error instanceof ConnectError) return new ApiError('connect_failed', error.message);
  if (error instanceof RuneError) return ofRune(error);
  if (error instanceof InvoiceError) return new ApiError('invalid_params', error.message);
  return undefined;
};

async function* rowsWithErrors(rows: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* rows;
  } catch (error) {
    throw apiErrorOf(error) ?? error;
  }
}

/** A result whose lists, where their rows are still to be read, fail as handlers do. */
const withRowErrors = (result: unknown): unknown => {
  if (typeof result !== 'object' || result === null || !Object.values(result).some(isRows)) return result;
  return Object.fromEntries(
    Object.entries(result).map(([name, field]) => [name, isRows(field) ? rowsWithErrors(field) : field]),
  );
};

type Any = (params: never, call: CallContext) => Promise<unknown>;

const withErrors =
  (handler: Any): Any =>
  async (params, call) => {
    try {
      return withRowErrors(await handler(params, call));
    } catch (error) {
      throw apiErrorOf(error) ?? error;
    }
  };

/** These handlers, whose errors are those that callers are told, or mistakes of ours. */
export const withApiErrors = <H extends object>(handlers: H): H =>
  Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, withErrors(handler)])) as H;
