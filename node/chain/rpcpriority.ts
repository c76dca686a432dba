/**
 * Two priorities for calls to one bitcoind: high for our own channels and coins, low for look-ups that peers can cause. bitcoind runs a
 * few calls at a time and queues the rest, so low-priority calls are made one request at a time, over a connection of their own, and only
 * while no high-priority call is pending: a high-priority call waits for at most one such request. Small calls that wait share one.
 */
import { z } from 'zod';
import { checkedResult, openRpc, type Rpc, type RpcOptions, type UncheckedCall } from './rpc.ts';

export interface PrioritizedRpc {
  /** For calls about our own money. */
  readonly high: Rpc;
  /** For look-ups that peers cause. The caller limits how many wait. */
  readonly low: Pick<Rpc, 'call'>;
}

/** Calls whose answers are short, and cost bitcoind little. */
const SMALL: ReadonlySet<string> = new Set(['getblockhash', 'gettxout', 'getblockchaininfo']);
/** Most calls of one request. */
export const MOST_TOGETHER = 16;

/** A call that waits for its turn. */
interface Waiting extends UncheckedCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Opens both priorities for the bitcoind at that address; closing `high` closes both. */
export const openPrioritizedRpc = (options: RpcOptions): PrioritizedRpc => {
  const [first, second] = [openRpc(options), openRpc(options)];
  const waiting: Waiting[] = [];
  let underWay = 0;
  let busy = false;

  /** The calls of the next request: the first that waits, and small ones behind it if it is small. */
  const taken = (): readonly Waiting[] => {
    const other = waiting.findIndex(({ method }) => !SMALL.has(method));
    return waiting.splice(0, Math.max(1, Math.min(MOST_TOGETHER, other < 0 ? waiting.length : other)));
  };

  const make = async (calls: readonly Waiting[]): Promise<void> => {
    try {
      const [only] = calls;
      if (only !== undefined && calls.length === 1) {
        only.resolve(await second.call(only.method, only.params, z.unknown()));
        return;
      }
      const results = await second.batch(calls);
      for (const [at, { resolve, reject }] of calls.entries())
        try {
          resolve(results[at]?.());
        } catch (error) {
          reject(error);
        }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  };

  const next = (): void => {
    if (underWay > 0 || busy || waiting.length === 0) return;
    busy = true;
    void make(taken()).then(() => {
      busy = false;
      next();
    });
  };

  const high: Rpc = {
    ...first,
    call: async (method, params, result, call = {}) => {
      // A call that only waits for an event is no work for bitcoind.
      if (call.idle === true) return first.call(method, params, result, call);
      underWay++;
      try {
        return await first.call(method, params, result, call);
      } finally {
        underWay--;
        next();
      }
    },
    close: () => {
      first.close();
      second.close();
      // The calls that wait fail as `closed`.
      next();
    },
  };

  const low = {
    call: async <T>(method: string, params: readonly unknown[], shape: z.ZodType<T>): Promise<T> => {
      const result = await new Promise<unknown>((resolve, reject) => {
        waiting.push({ method, params, resolve, reject });
        next();
      });
      return checkedResult(method, shape, result);
    },
  };
  return { high, low };
};
