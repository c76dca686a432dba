/**
 * Two priorities for calls to one bitcoind: high for our own channels and coins, low for look-ups that peers can cause. bitcoind runs a
 * few calls at a time and queues the rest, so low-priority calls are made one at a time, over a connection of their own, and only while
 * no high-priority call is pending: a high-priority call waits for at most one of them.
 */
import { openRpc, type Rpc, type RpcOptions } from './rpc.ts';

export interface PrioritizedRpc {
  /** For calls about our own money. */
  readonly high: Rpc;
  /** For look-ups that peers cause. The caller limits how many wait. */
  readonly low: Rpc;
}

/** Opens both priorities for the bitcoind at that address; closing `high` closes both. */
export const openPrioritizedRpc = (options: RpcOptions): PrioritizedRpc => {
  const [first, second] = [openRpc(options), openRpc(options)];
  const waiting: (() => void)[] = [];
  let underWay = 0;
  let busy = false;

  const next = (): void => {
    if (underWay > 0 || busy) return;
    const begin = waiting.shift();
    busy = begin !== undefined;
    begin?.();
  };

  const high: Rpc = {
    where: first.where,
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
      for (const begin of waiting.splice(0)) begin();
    },
  };

  const low: Rpc = {
    where: second.where,
    call: async (method, params, result, call) => {
      await new Promise<void>((begin) => {
        waiting.push(begin);
        next();
      });
      try {
        return await second.call(method, params, result, call);
      } finally {
        busy = false;
        next();
      }
    },
    close: second.close,
  };
  return { high, low };
};
