/**
 * Looking up the funding outputs that channel announcements claim (BOLT 7). An announcement costs its maker nothing and a look-up
 * costs calls to the chain, so what was not there is remembered, and few look-ups run at a time: the chain has our own money to
 * watch beside them.
 */
import { fundingOutputScript } from '../../channel/funding.ts';
import { equal } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { type ShortChannelId, scidParts } from '../../wire/units.ts';
import { ChainError } from '../chain/errors.ts';
import { fundingOutput } from '../chain/lookup.ts';
import type { Chain } from '../ports.ts';
import type { GraphChannel } from './graph.ts';

/** Look-ups under way at once. */
export const MAX_LOOKUPS = 2;
/** Blocks for which a channel that was not there is not looked for again: a reorganization may bring it. */
const ABSENT_FOR = 144;
/** Channels remembered as not there. */
const MAX_ABSENT = 50_000;
/**
 * Confirmations a channel must have to be believed: BOLT 7 asks for 6 of whoever announces it, and lets us take one that is
 * close to them, since a block may reach us later than others.
 */
export const LEAST_CONFIRMATIONS = 4;

/** `young` has too few confirmations yet; `unknown`: the chain did not answer. */
export type Found = Pick<GraphChannel, 'capacity' | 'funding'> | 'absent' | 'young' | 'unknown';

export class Fundings {
  private readonly chain: Pick<Chain, 'txidAt' | 'unspent'>;
  /** The height of the chain as the graph follows it. */
  private readonly height: () => number;
  /** The height from which on a channel may be looked for again. */
  private readonly absent = new Map<ShortChannelId, number>();
  private underWay = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(chain: Pick<Chain, 'txidAt' | 'unspent'>, height: () => number) {
    this.chain = chain;
    this.height = height;
  }

  /** Whether it is known without a look that there is no such channel yet. */
  isAbsent(scid: ShortChannelId): boolean {
    const until = this.absent.get(scid);
    return until !== undefined && this.height() < until;
  }

  /** Whether a channel is too young to be believed, or claims a block that is still to come. Costs nothing. */
  isYoung(scid: ShortChannelId): boolean {
    return this.height() < scidParts(scid).height + LEAST_CONFIRMATIONS - 1;
  }

  /** The output that an announcement names: unspent, deep enough, and paying to its two keys. Rejects for bugs only. */
  async find(m: MessageOf<'channel_announcement'>): Promise<Found> {
    await this.enter();
    try {
      return await this.look(m);
    } finally {
      this.leave();
    }
  }

  private async look(m: MessageOf<'channel_announcement'>): Promise<Found> {
    const scid = m.short_channel_id;
    try {
      // A block that is told while the chain answers may spend the output; whoever adds the channel only now would miss that.
      for (let asked = this.height(); ; asked = this.height()) {
        const found = await fundingOutput(this.chain, scid);
        const script = fundingOutputScript(m.bitcoin_key_1, m.bitcoin_key_2);
        if (found === undefined || !equal(found.script, script)) return this.remember(scid);
        if (found.confirmations < LEAST_CONFIRMATIONS) return 'young';
        if (asked === this.height()) return { capacity: found.amount, funding: { txid: found.txid, vout: found.vout } };
      }
    } catch (error) {
      if (error instanceof ChainError) return 'unknown';
      throw error;
    }
  }

  private remember(scid: ShortChannelId): 'absent' {
    this.absent.delete(scid);
    this.absent.set(scid, this.height() + ABSENT_FOR);
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
