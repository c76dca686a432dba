/**
 * Reads blocks from bitcoind. It can fetch a block that it has pruned from its own peers, one at a time (getblockfrompeer, version 23
 * and later).
 */

import { Block as ParsedBlock } from 'bitcoinjs-lib';
import { z } from 'zod';
import { txid } from '../../wire/units.ts';
import type { Block, Chain, Clock, Log } from '../ports/ports.ts';
import { ChainError } from './errors.ts';
import type { Rpc } from './rpc.ts';
import { bytes, failedWith, hash, rpcCode } from './rpc.ts';

export interface BlocksParts {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly log: Log;
}

/** Peers of bitcoind that are asked for a block, one after the other, before the call fails. */
const MOST_PEERS = 8;
/** Milliseconds between two checks whether the block has arrived. */
const LOOKS_MS = [250, 500, 1_000, 2_000, 2_000, 2_000];
/** Blocks to walk down from the tip of a branch in search of one block: more than a node remembers. */
const MOST_STEPS = 300;

const height = z.number().int().nonnegative();
const header = z.object({ hash, height, previousblockhash: hash.optional() });
const peer = z.object({ id: z.number().int(), servicesnames: z.array(z.string()).default([]) });
const chainTip = z.object({ height, hash, branchlen: height, status: z.string() });

const parsedBlock = (raw: string, wanted: string): ParsedBlock => {
  let parsed: ParsedBlock;
  try {
    parsed = ParsedBlock.fromHex(raw);
  } catch (error) {
    throw new ChainError({ code: 'bad_answer', method: 'getblock', detail: `no block: ${String(error)}` });
  }
  if (parsed.getId() !== wanted)
    throw new ChainError({ code: 'bad_answer', method: 'getblock', detail: `another block, ${parsed.getId()}` });
  return parsed;
};

/** `block` and `isInvalidated` of the Chain port. */
export const bitcoindBlocks = ({ rpc, clock, log }: BlocksParts): Pick<Chain, 'block' | 'isInvalidated'> => {
  /** Whether it was logged that blocks have to come from peers; reset once bitcoind has a block on disk. */
  let said = false;

  const headerOf = async (block: string) => {
    try {
      return await rpc.call('getblockheader', [block], header);
    } catch (error) {
      throw failedWith(error, rpcCode.notFound) ? new ChainError({ code: 'unknown_block', hash: block }) : error;
    }
  };

  /** The block in hex; undefined where bitcoind has pruned it. */
  const onDisk = async (wanted: string): Promise<string | undefined> => {
    try {
      return await rpc.call('getblock', [wanted, 0], bytes);
    } catch (error) {
      if (failedWith(error, rpcCode.misc)) return undefined;
      throw error;
    }
  };

  /** Has bitcoind ask one of its peers for a block; undefined where the block does not arrive. */
  const fromPeer = async (wanted: string, id: number): Promise<string | undefined> => {
    try {
      await rpc.call('getblockfrompeer', [wanted, id], z.unknown());
    } catch (error) {
      // The block may have arrived meanwhile, or the peer disconnected.
      if (!failedWith(error, rpcCode.misc, rpcCode.badParameter)) throw error;
      return onDisk(wanted);
    }
    for (const ms of LOOKS_MS) {
      await new Promise<void>((resolve) => void clock.after(ms, resolve));
      const found = await onDisk(wanted);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  /** Fetches a pruned block through bitcoind's peers, unpruned peers first. Throws ChainError `pruned`. */
  const fetched = async (wanted: string, at: number): Promise<string> => {
    if (!said)
      log.warn(
        { height: at },
        'bitcoind has pruned blocks that this node must read: asking its peers for them (getblockfrompeer)',
      );
    said = true;
    try {
      const peers = await rpc.call('getpeerinfo', [], z.array(peer));
      const rank = ({ servicesnames }: (typeof peers)[number]): number => (servicesnames.includes('NETWORK') ? 0 : 1);
      for (const { id } of [...peers].sort((a, b) => rank(a) - rank(b)).slice(0, MOST_PEERS)) {
        const found = await fromPeer(wanted, id);
        if (found !== undefined) return found;
      }
    } catch (error) {
      // Before version 23 bitcoind has no such call, and its rpcwhitelist may forbid it.
      const isDenied = error instanceof ChainError && error.fault.code === 'unauthorized';
      if (!isDenied && !failedWith(error, rpcCode.noMethod)) throw error;
    }
    throw new ChainError({ code: 'pruned', height: at });
  };

  const block = async (wanted: string): Promise<Block> => {
    const [head, kept] = await Promise.all([headerOf(wanted), onDisk(wanted)]);
    said &&= kept === undefined;
    const parsed = parsedBlock(kept ?? (await fetched(wanted, head.height)), wanted);
    return {
      height: head.height,
      hash: wanted,
      previous: head.previousblockhash ?? '00'.repeat(32),
      time: parsed.timestamp,
      transactions: (parsed.transactions ?? []).map((tx) => ({ txid: txid(tx.getHash()), tx })),
    };
  };

  /** Whether a block is below the tip of a branch. */
  const isBelow = async (wanted: z.infer<typeof header>, end: z.infer<typeof chainTip>): Promise<boolean> => {
    if (end.height < wanted.height || end.height - end.branchlen >= wanted.height) return false;
    let at = end.hash;
    for (let steps = Math.min(end.height - wanted.height, MOST_STEPS); steps > 0; steps--)
      at = (await headerOf(at)).previousblockhash ?? '';
    return at === wanted.hash;
  };

  const isInvalidated = async (wanted: string): Promise<boolean> => {
    try {
      const known = await headerOf(wanted);
      const ends = await rpc.call('getchaintips', [], z.array(chainTip));
      for (const end of ends) if (end.status === 'invalid' && (await isBelow(known, end))) return true;
    } catch (error) {
      // Where the call is forbidden or missing, the block does not count as invalidated.
      if (!(error instanceof ChainError) || !/^(?:unknown_block|unauthorized|refused)$/.test(error.fault.code))
        throw error;
    }
    return false;
  };

  return { block, isInvalidated };
};
