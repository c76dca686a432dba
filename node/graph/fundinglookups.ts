/**
 * Looks up the funding outputs of announced channels (BOLT 7). An announcement is free for its sender and a look-up costs calls to
 * bitcoind, so missing outputs are remembered, and only a few look-ups run at a time.
 */
import { fundingOutputScript } from '../../channel/tx/funding.ts';
import { equal, hex } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { type Sat, type ShortChannelId, scidParts, type Txid } from '../../wire/units.ts';
import { ChainError } from '../chain/errors.ts';
import type { Chain } from '../ports/ports.ts';
import type { GraphChannel } from './graph.ts';
import type { ReceivedAnnouncement, Verdict } from './signaturebatch.ts';

/** Look-ups that run at once. */
export const MAX_LOOKUPS = 16;
/** Look-ups of one batch of announcements that are made before their turn, at once. */
const AHEAD = MAX_LOOKUPS;
/** Blocks before a missing channel is looked up again: a reorganization may bring it. */
const ABSENT_BLOCKS = 144;
/** Missing channels that are remembered. */
const MAX_ABSENT = 50_000;
/**
 * Confirmations that an announced channel must have. BOLT 7 requires 6 of the nodes that announce it, and lets us accept slightly
 * fewer, since a block may reach us later than others.
 */
export const MIN_CONFIRMATIONS = 4;

/** What a look-up found, and the height of the chain, as the graph follows it, at which that was so. */
export interface Looked {
  readonly found: FundingLookup;
  readonly height: number;
}

/** `young` has too few confirmations yet; `unknown`: the chain did not answer, or is behind. */
export type FundingLookup = Pick<GraphChannel, 'capacity' | 'funding'> | 'absent' | 'young' | 'unknown';

/** What is known of an announcement before its turn comes. */
export interface Checked extends Verdict {
  /** Of a channel_announcement whose signatures hold: its funding output, which is being looked up; of no use where that gives nothing. */
  readonly funding?: Promise<Looked | undefined>;
}

/** What of a chain is asked. */
type Asked = Pick<Chain, 'txidAt' | 'unspent' | 'tip'>;
type Announced = Pick<MessageOf<'channel_announcement'>, 'short_channel_id' | 'bitcoin_key_1' | 'bitcoin_key_2'>;

const anyOf = ({ short_channel_id }: Announced): string => `${short_channel_id}`;
const keyOf = (m: Announced): string => `${m.short_channel_id}/${hex(m.bitcoin_key_1)}/${hex(m.bitcoin_key_2)}`;

export class FundingLookups {
  private readonly chain: Asked;
  /** The height of the chain as the graph follows it. */
  private readonly height: () => number;
  /** The height from which on a channel may be looked for again: any with that id, or one between two keys that it is not between. */
  private readonly absent = new Map<string, number>();
  private underWay = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(chain: Asked, height: () => number) {
    this.chain = chain;
    this.height = height;
  }

  /** Whether a channel is known to be missing, without a look-up. */
  isAbsent(m: Announced): boolean {
    return [anyOf(m), keyOf(m)].some((key) => this.height() < (this.absent.get(key) ?? 0));
  }

  /** Whether a channel has too few confirmations, or names a block that does not exist yet. Needs no call to bitcoind. */
  isTooYoung(scid: ShortChannelId): boolean {
    return this.height() < scidParts(scid).height + MIN_CONFIRMATIONS - 1;
  }

  /** The output that an announcement names: unspent, deep enough, and paying to its two keys. Rejects for bugs only. */
  async find(m: MessageOf<'channel_announcement'>): Promise<Looked> {
    await this.enter();
    try {
      return await this.look(m);
    } finally {
      this.leave();
    }
  }

  /**
   * Begins to look up the fundings of those channel_announcements of a batch whose signatures hold, a few of them at a time, and puts the
   * look-ups into their verdicts. `isWanted` is asked when the turn of one comes; one that is not wanted then has none.
   */
  ahead(
    batch: readonly ReceivedAnnouncement[],
    verdicts: readonly (Verdict | undefined)[],
    isWanted: (m: MessageOf<'channel_announcement'>) => boolean,
  ): readonly (Checked | undefined)[] {
    const lanes: Promise<unknown>[] = Array.from({ length: AHEAD }, () => Promise.resolve());
    let next = 0;
    return verdicts.map((verdict, at) => {
      const message = batch[at]?.message;
      if (verdict?.isValid !== true || message?.name !== 'channel_announcement') return verdict;
      const lane = next++ % AHEAD;
      const funding = Promise.resolve(lanes[lane]).then(() => (isWanted(message) ? this.find(message) : undefined));
      // A bug is told to who awaits it, if anybody does.
      lanes[lane] = funding.catch(() => undefined);
      return { ...verdict, funding };
    });
  }

  private async look(m: MessageOf<'channel_announcement'>): Promise<Looked> {
    const scid = m.short_channel_id;
    try {
      // A block applied meanwhile may spend the output, and a channel that is added only now would miss it: look again.
      for (let asked = this.height(); ; asked = this.height()) {
        const found = await fundingOutput(this.chain, scid);
        if (found === undefined) {
          const isSure = await hasCaughtUp(this.chain, asked);
          return { found: isSure ? this.remember(anyOf(m)) : 'unknown', height: asked };
        }
        // With other keys than the output's it is not the channel; an announcement with the right keys must still be accepted.
        const script = fundingOutputScript(m.bitcoin_key_1, m.bitcoin_key_2);
        if (!equal(found.script, script)) return { found: this.remember(keyOf(m)), height: asked };
        if (found.confirmations < MIN_CONFIRMATIONS) return { found: 'young', height: asked };
        if (asked !== this.height()) continue;
        return { found: { capacity: found.amount, funding: { txid: found.txid, vout: found.vout } }, height: asked };
      }
    } catch (error) {
      if (error instanceof ChainError) return { found: 'unknown', height: this.height() };
      throw error;
    }
  }

  private remember(key: string): 'absent' {
    this.absent.delete(key);
    this.absent.set(key, this.height() + ABSENT_BLOCKS);
    const [oldest] = this.absent.keys();
    if (this.absent.size > MAX_ABSENT && oldest !== undefined) this.absent.delete(oldest);
    return 'absent';
  }

  private async enter(): Promise<void> {
    if (this.underWay >= MAX_LOOKUPS) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.underWay++;
  }

  /** Passes the slot on to the next look-up that waits. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.underWay--;
    else next();
  }
}

/**
 * Whether what the chain does not show is not there: one that reads its blocks anew knows none of those that it has yet to read. `height`
 * is one that was seen before. Throws ChainError.
 */
export const hasCaughtUp = async (chain: Pick<Chain, 'tip'>, height: number): Promise<boolean> => {
  const tip = await chain.tip('low');
  return tip.isBehind !== true && tip.height >= height;
};

export interface FundingOutput {
  readonly txid: Txid;
  readonly vout: number;
  readonly script: Uint8Array;
  readonly amount: Sat;
  readonly confirmations: number;
}

/** The unspent output a short_channel_id names; undefined when there is none or it has been spent. Throws ChainError. */
export const fundingOutput = async (
  chain: Pick<Chain, 'txidAt' | 'unspent'>,
  scid: ShortChannelId,
): Promise<FundingOutput | undefined> => {
  const { height, txIndex, output } = scidParts(scid);
  const txid = await chain.txidAt(height, txIndex);
  if (txid === undefined) return undefined;
  const found = await chain.unspent({ txid, vout: output }, 'low');
  return (
    found && { txid, vout: output, script: found.script, amount: found.amount, confirmations: found.confirmations }
  );
};
