/** The Chain port over a chain in this process. Several nodes may each have one over the same Regtest. */

import { hex, reversed, unhex } from '../../../wire/bytes.ts';
import { chainHash, FEERATE_FLOOR, sat, txid } from '../../../wire/units.ts';
import { distinctEstimate, fallbackFeerate } from '../../chain/bitcoind.ts';
import { ChainError } from '../../chain/errors.ts';
import type { Block, Chain, ChainTx, Clock, Outpoint } from '../../ports/ports.ts';
import type { Placed } from './ledger.ts';
import type { Regtest } from './regtest.ts';

/** Milliseconds after which a wait for a block ends by itself. */
const longestWait = 10_000;

const portBlock = ({ height, hash, previous, time, transactions }: Placed): Block => ({
  height,
  hash,
  previous,
  time,
  transactions,
});

/** One view of a chain. Closing it leaves the chain and other views alone. */
export const embeddedChain = (regtest: Regtest, clock: Pick<Clock, 'after'>): Chain => {
  const { ledger } = regtest;
  const waiting = new Set<() => void>();
  let closed = false;

  /** Answers asynchronously, as over a network, and never after `close`. */
  const asked = async <T>(answer: () => T): Promise<T> => {
    await Promise.resolve();
    if (closed) throw new ChainError({ code: 'closed' });
    return answer();
  };

  const spenderOf = (outpoint: Outpoint): ChainTx | undefined => {
    const entry = regtest.spender(outpoint);
    return entry && { txid: txid(entry.tx.getHash()), tx: entry.tx };
  };

  const waitForChange = async (seen: string, signal: AbortSignal): Promise<void> => {
    await asked(() => undefined);
    // Looked at and listened to in one go: a block in between would be heard of only after the longest wait.
    if (closed || signal.aborted || ledger.tip.hash !== seen) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        deaf();
        signal.removeEventListener('abort', end);
        waiting.delete(end);
        resolve();
      };
      const cancel = clock.after(longestWait, end);
      const deaf = regtest.onTip(end);
      signal.addEventListener('abort', end);
      waiting.add(end);
    });
  };

  return {
    kind: 'embedded',
    genesis: () => asked(() => chainHash(reversed(unhex(ledger.at(0)?.hash ?? '')))),
    tip: () => asked(() => ({ height: ledger.tip.height, hash: ledger.tip.hash })),
    hashAt: (height) => asked(() => ledger.at(height)?.hash),
    isInvalidated: (hash) => asked(() => ledger.isRuledOut(hash)),
    block: (hash) => asked(() => portBlock(ledger.get(hash))),
    txidAt: (height, index) => asked(() => ledger.at(height)?.transactions[index]?.txid),
    waitForChange,
    testAccept: (tx) => asked(() => regtest.check(tx)),
    broadcast: (tx) => asked(() => void regtest.send(tx)),
    broadcastPackage: (parent, child) => asked(() => regtest.sendPair(parent, child)),
    feerate: () => asked(() => (regtest.demand > 0 ? distinctEstimate(regtest.demand) : fallbackFeerate)),
    relayFeerate: () => asked(() => FEERATE_FLOOR),
    unspent: (outpoint, _, where = 'chain') =>
      asked(() => {
        if (where === 'mempool' && regtest.spender(outpoint) !== undefined) return undefined;
        const waiting = where === 'mempool' ? regtest.waitingCoin(outpoint) : undefined;
        const coin = waiting ?? regtest.coin(outpoint);
        if (coin === undefined) return undefined;
        const { script, value, height, coinbase } = coin;
        return { script, amount: sat(value), confirmations: ledger.tip.height - height + 1, coinbase };
      }),
    mempoolSpender: (outpoint) => asked(() => spenderOf(outpoint)),
    mempoolSpenders: (outpoints) => asked(() => outpoints.map((outpoint) => spenderOf(outpoint)?.txid)),
    subscribeRawTx: (hear) => regtest.onArrival(hear),
    mempoolFeerate: (id) => asked(() => regtest.pool.familyFeerate(hex(id))),
    close: async () => {
      closed = true;
      for (const end of [...waiting]) end();
    },
  };
};
