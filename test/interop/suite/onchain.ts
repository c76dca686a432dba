/** What cases about channels that end on the chain share: what spends the funding output, and what became of its money. */
import { z } from 'zod';
import { until } from '../../../node/regtest/demo/wait.ts';
import { isLitter, Ledger, type Outpoint, type OwnerOf, type Trace } from '../trace.ts';
import type { Pair } from './pair.ts';

export interface Spending {
  readonly txid: string;
  readonly outputs: readonly { readonly sat: bigint; readonly script: string }[];
}

const spending = z.array(z.object({ spendingtxid: z.string().optional() }));
const rawTransaction = z.object({
  vout: z.array(
    z
      .object({ value: z.union([z.string(), z.number()]), scriptPubKey: z.object({ hex: z.string() }) })
      .transform((one) => ({ sat: BigInt(Math.round(Number(one.value) * 1e8)), script: one.scriptPubKey.hex })),
  ),
});

/** The transaction, in bitcoind's mempool, that spends a channel's funding output. */
export const spender = ({ net: { bitcoind } }: Pair, { txid, vout }: Outpoint): Promise<Spending> =>
  until(`${txid}:${vout} to be spent`, async () => {
    const [found] = spending.parse(await bitcoind.call('gettxspendingprevout', [{ txid, vout }]));
    if (found?.spendingtxid === undefined) return undefined;
    const tx = rawTransaction.parse(await bitcoind.call('getrawtransaction', found.spendingtxid, true));
    return { txid: found.spendingtxid, outputs: tx.vout };
  });

export const fundingOf = async (pair: Pair, channelId: string): Promise<Outpoint> => {
  const { funding_txid, funding_outnum } = await pair.channel(channelId);
  return { txid: funding_txid, vout: funding_outnum };
};

/** The confirmed coins of our wallet, in satoshi. */
export const coinsOf = async ({ ours }: Pair): Promise<bigint> => {
  const { outputs } = await ours.call('listfunds');
  return outputs.reduce((sum, one) => (one.status === 'confirmed' ? sum + one.amount_msat / 1000n : sum), 0n);
};

/**
 * Blocks that whoever claims an HTLC is given, and how long for each of them, in milliseconds: little for the first, since lnd 0.21 does
 * nothing before the commitment has three confirmations.
 */
const claimBlocks = 20;
const claimPatience = (blocks: number): number => (blocks < 3 ? 400 : 2000);

/**
 * Resolves when outputs of these amounts, in satoshi, of a commitment that is in a block are spent, at least by what waits for a block:
 * before then time must not run away from those who have to claim in time. Some do so with the next block.
 */
export const claimed = async (pair: Pair, { txid, outputs }: Spending, amounts: readonly bigint[]): Promise<void> => {
  const wanted = [...outputs.entries()].filter(([, { sat }]) => amounts.includes(sat)).map(([vout]) => vout);
  const unspent = async (): Promise<readonly number[]> => {
    const all = await Promise.all(wanted.map((vout) => pair.net.bitcoind.call('gettxout', txid, vout, true)));
    return wanted.filter((_, i) => all[i] !== null);
  };
  if (wanted.length < amounts.length) {
    const has = outputs.map(({ sat }) => sat).join(', ');
    throw new Error(`${txid} should have outputs of ${amounts.join(' and ')} sat, and has ${has}`);
  }
  for (let blocks = 0; blocks < claimBlocks; blocks++) {
    const wait = until('HTLCs to be claimed', async () => ((await unspent()).length === 0 ? true : undefined), {
      timeout: claimPatience(blocks),
    });
    if (await wait.catch(() => false)) return;
    await pair.mine(1);
  }
  throw new Error(
    `after ${claimBlocks} blocks nobody has claimed output ${(await unspent()).join(' and ')} of ${txid}`,
  );
};

/** Whether our node has nothing left to do about a channel. */
export const weAreDone = async ({ ours }: Pair, channelId: string): Promise<boolean> => {
  const { channels } = await ours.call('listpeerchannels', { channel_id: channelId });
  return channels.every(({ htlcs, status }) => htlcs.length === 0 && status.join().includes('every output is settled'));
};

/** What was read of the chain of each pair: its cases follow each other on it. */
const ledgers = new WeakMap<Pair, Ledger>();

/** The last block that anything waits for: an expiry, six blocks, a delay, and as many again for what follows. */
const mostBlocks = 400;

/** Blocks mined at once: while somebody may have something to do about an HTLC, and when all that is left is to wait. */
const [stride, longStride] = [6, 24];

/** How many blocks to mine at once: what can be claimed with a preimage is claimed, so nothing comes before the next expiry. */
const strideOf = async ({ ours }: Pair, channelId: string): Promise<number> => {
  const { blockheight } = await ours.call('getinfo');
  const { channels } = await ours.call('listpeerchannels', { channel_id: channelId });
  const expiries = channels.flatMap(({ htlcs }) => htlcs.map(({ expiry }) => expiry));
  const rest = Math.min(...expiries, blockheight + longStride) - blockheight;
  return Math.max(rest, stride);
};

/** Adds the scripts that our wallet shows now: it forgets coins that are long spent. */
const gather = async ({ ours }: Pair, own: Set<string>): Promise<void> => {
  for (const { scriptpubkey } of (await ours.call('listfunds', { spent: true })).outputs) own.add(scriptpubkey);
};

/** Whose scripts are whose: `ours`, or `theirs`. */
const owners = async ({ peer }: Pair, own: ReadonlySet<string>): Promise<OwnerOf> => {
  const theirs = new Set(await peer.scripts());
  return (script) => (own.has(script) ? 'ours' : theirs.has(script) ? 'theirs' : undefined);
};

export interface Sweeping {
  /** Whether our node, too, must say that nothing is left to be done; it must unless told. */
  readonly weSaySo?: boolean;
  /** Done every few blocks; told how many there were before. */
  readonly between?: (mined: number) => Promise<void>;
}

/**
 * Mines until every output of a channel that was closed has come home, to scripts of either wallet. What the peer says of it is not
 * asked: lnd gives an output that it has swept in blocks close behind each other up for lost until it starts again ("input no longer
 * exists"). Throws Error with what has not come home.
 */
export const swept = async (pair: Pair, channelId: string, funding: Outpoint, how: Sweeping = {}): Promise<Trace> => {
  const ledger = ledgers.get(pair) ?? new Ledger(pair.net.bitcoind);
  ledgers.set(pair, ledger);
  const { weSaySo = true, between } = how;
  const own = new Set<string>();
  await gather(pair, own);
  for (let mined = 0, count = 0; ; mined += count) {
    count = await strideOf(pair, channelId);
    await pair.mine(count);
    await gather(pair, own);
    await between?.(mined);
    const isOver = !weSaySo || (await weAreDone(pair, channelId));
    if (!isOver && mined <= mostBlocks) continue;
    const traced = await ledger.trace(funding, await owners(pair, own));
    const left = traced.left.filter((one) => !isLitter(one));
    if (isOver && left.length === 0) return traced;
    if (mined <= mostBlocks) continue;
    const still = left.map((one) => `${one.txid}:${one.vout} with ${one.sat} sat`);
    throw new Error(`after ${mined} blocks ${isOver ? '' : 'we are not done, and '}there is still ${still.join(', ')}`);
  }
};
