/** Transactions as the chain itself has them, with what they spend and what the miner got for them. */
import { z } from 'zod';
import { scaled } from '../../chain/json.ts';
import type { RunningBitcoind } from './bitcoind.ts';

export interface Mined {
  readonly txid: string;
  readonly height: number;
  readonly feeSat: bigint;
  /** Outputs it spends, as TXID:OUTPUT. */
  readonly spends: readonly string[];
}

const block = z.object({
  tx: z.array(
    z.object({
      txid: z.string(),
      fee: z.union([z.string(), z.number()]).optional(),
      vin: z.array(z.object({ txid: z.string().optional(), vout: z.number().optional() })),
    }),
  ),
});

/** Every transaction but the coinbases of the blocks from this height up. */
export const minedSince = async (bitcoind: RunningBitcoind, height: number): Promise<readonly Mined[]> => {
  const tip = z.number().parse(await bitcoind.call('getblockcount'));
  const out: Mined[] = [];
  for (let at = height; at <= tip; at++) {
    const hash = await bitcoind.call('getblockhash', at);
    const { tx } = block.parse(await bitcoind.call('getblock', hash, 2));
    for (const { txid, fee, vin } of tx)
      if (fee !== undefined) {
        const spends = vin.map((input) => `${input.txid}:${input.vout}`);
        out.push({ txid, height: at, feeSat: scaled(fee, 8), spends });
      }
  }
  return out;
};
