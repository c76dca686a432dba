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

/** Look-ups under way at once. */
export const MAX_LOOKUPS = 2;
/** Blocks for which a channel that was not there is not looked for again: a reorganization may bring it. */
const ABSENT_BLOCKS = 144;
/** Channels remembered as not there. */
const MAX_ABSENT = 50_000;
/**
 * Confirmations a channel must have to be believed: BOLT 7 asks for 6 of whoever announces it, and lets us take one that is
 * close to them, since a block may reach us later than others.
 */
export const MIN_CONFIRMATIONS = 4;

/** `young` has too few confirmations yet; `unknown`: the chain did not answer. */
export type FundingLookup = Pick<GraphChannel, 'capacity' | 'funding'> | 'absent' | 'young' | 'unknown';

type Announced = Pick<MessageOf<'channel_announcement'>, 'short_channel_id' | 'bitcoin_key_1' | 'bitcoin_key_2'>;

const anyOf = ({ short_channel_id }: Announced): string => `${short_channel_id}`;
const keyOf = (m: Announced): string => `${m.short_channel_id}/${hex(m.bitcoin_key_1)}/${hex(m.bitcoin_key_2)}`;

export class FundingLookups {
  private readonly chain: Pick<Chain, 'txidAt' | 'unspent'>;
  /** The height of the chain as the graph follows it. */
  private readonly height: () => number;
  /** The height from which on a channel may be looked for again: any with that id, or one between two keys that it is not between. */
  private readonly absent = new Map<string, number>();
  private underWay = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(chain: Pick<Chain, 'txidAt' | 'unspent'>, height: () => number) {
    this.chain = chain;
    this.height = height;
  }

  /** Whether it is known without a look that there is no such channel yet. */
  isAbsent(m: Announced): boolean {
    return [anyOf(m), keyOf(m)].some((key) => this.height() < (this.absent.get(key) ?? 0));
  }

  /** Whether a channel is too young to be believed, or claims a block that is still to come. Costs nothing. */
  isTooYoung(scid: ShortChannelId): boolean {
    return this.height() < scidParts(scid).height + MIN_CONFIRMATIONS - 1;
  }

  /** The output that an announcement names: unspent, deep enough, and paying to its two keys. Rejects for bugs only. */
  async find(m: MessageOf<'channel_announcement'>): Promise<FundingLookup> {
    await this.enter();
    try {
      return await this.look(m);
    } finally {
      this.leave();
    }
  }

  private async look(m: MessageOf<'channel_announcement'>): Promise<FundingLookup> {
    const scid = m.short_channel_id;
    try {
      // A block that is told while the chain answers may spend the output; whoever adds the channel only now would miss that.
      for (let asked = this.height(); ; asked = this.height()) {
        const found = await fundingOutput(this.chain, scid);
        if (found === undefined) return this.remember(anyOf(m));
        // Of other keys than those of the output it is no channel; whoever announces it with these has still to be heard.
        const script = fundingOutputScript(m.bitcoin_key_1, m.bitcoin_key_2);
        if (!equal(found.script, script)) return this.remember(keyOf(m));
        if (found.confirmations < MIN_CONFIRMATIONS) return 'young';
        if (asked === this.height()) return { capacity: found.amount, funding: { txid: found.txid, vout: found.vout } };
      }
    } catch (error) {
      if (error instanceof ChainError) return 'unknown';
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

  /** Whoever waits takes the place over. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.underWay--;
    else next();
  }
}

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
