/** The Chain port of one process over the ledger that all share. It answers at once, and never again once the process is dead. */
import { ChainError } from '../../node/chain/errors.ts';
import { outpointKey } from '../../node/chain/watchrules.ts';
import type { Chain, ChainTx, Outpoint } from '../../node/ports/ports.ts';
import { hex } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { sat, txid } from '../../wire/units.ts';
import type { Ledger } from './ledger.ts';

export interface ChainPortParts {
  readonly ledger: Ledger;
  readonly feerate: () => number;
  readonly alive: () => boolean;
  /** Whether nobody answers. */
  readonly away: () => boolean;
  /** Whether the process publishes nothing, though it believes it does. */
  readonly mute: () => boolean;
  /** A transaction of this process was taken or refused. */
  readonly sent: (raw: Uint8Array, refused: string | undefined) => void;
}

/** `end` lets go of everything that waits. */
export const chainPort = ({
  ledger,
  feerate,
  alive,
  away,
  mute,
  sent,
}: ChainPortParts): Chain & { readonly end: () => void } => {
  const waiting = new Set<() => void>();
  const asked = async <T>(answer: () => T): Promise<T> => {
    await Promise.resolve();
    if (!alive()) return new Promise<T>(() => undefined);
    if (away()) throw new ChainError({ code: 'unreachable', where: 'the model', reason: 'it is away' });
    return answer();
  };
  const spenderOf = ({ txid: id, vout }: Outpoint): ChainTx | undefined => {
    const entry = ledger.spender(outpointKey(id, vout));
    return entry && { txid: txid(entry.tx.getHash()), tx: entry.tx };
  };
  const published = (raws: readonly Uint8Array[], send: () => void): Promise<void> =>
    asked(() => {
      if (mute()) return;
      try {
        send();
        for (const raw of raws) sent(raw, undefined);
      } catch (error) {
        if (error instanceof ChainError) for (const raw of raws) sent(raw, error.message);
        throw error;
      }
    });
  return {
    kind: 'embedded',
    genesis: () => asked(() => chainHashOf.regtest),
    tip: () => asked(() => ({ height: ledger.tip.height, hash: ledger.tip.hash })),
    hashAt: (height) => asked(() => ledger.at(height)?.hash),
    // What is taken off in the model comes back only by being mined.
    isInvalidated: () => asked(() => true),
    block: (hash) => asked(() => ledger.get(hash)),
    txidAt: (height, index) => asked(() => ledger.at(height)?.transactions[index]?.txid),
    waitForChange: async (seen, signal) => {
      await asked(() => undefined);
      if (signal.aborted || ledger.tip.hash !== seen) return;
      await new Promise<void>((resolve) => {
        const end = (): void => {
          deaf();
          waiting.delete(deaf);
          resolve();
        };
        const deaf = ledger.onTip(end);
        waiting.add(deaf);
      });
    },
    testAccept: (raw) => asked(() => ledger.check(raw)),
    broadcast: (raw) => published([raw], () => ledger.send(raw)),
    broadcastPackage: (parent, child) => published([parent, child], () => ledger.sendPair(parent, child)),
    feerate: () => asked(feerate),
    relayFeerate: () => asked(() => Math.max(253, ledger.minimum)),
    unspent: ({ txid: id, vout }, _, where = 'chain') =>
      asked(() => {
        const key = outpointKey(id, vout);
        if (where === 'mempool' && ledger.pool.spender(key) !== undefined) return undefined;
        const waiting = where === 'mempool' ? ledger.pool.coin(key, ledger.tip.height + 1) : undefined;
        const coin = waiting ?? ledger.coins.get(key);
        if (coin === undefined) return undefined;
        const { script, value, height, coinbase } = coin;
        return { script, amount: sat(value), confirmations: ledger.tip.height - height + 1, coinbase };
      }),
    mempoolSpender: (outpoint) => asked(() => spenderOf(outpoint)),
    mempoolSpenders: (outpoints) => asked(() => outpoints.map((outpoint) => spenderOf(outpoint)?.txid)),
    subscribeRawTx: () => () => undefined,
    mempoolFeerate: (id) => asked(() => ledger.pool.familyFeerate(hex(id))),
    close: async () => undefined,
    end: () => {
      for (const deaf of waiting) deaf();
      waiting.clear();
    },
  };
};
