/**
 * A faulty node that negotiates the fee of a mutual close dishonestly: whatever its process would say in closing_signed, somebody on its line
 * says something else, rightly signed.
 */

import { inLocal, specOf } from '../../channel/model/spec.ts';
import type { Negotiating } from '../../channel/model/state.ts';
import { buildLegacyClosing, closingFee } from '../../channel/tx/closingtx.ts';
import { signFundingSpend } from '../../channel/tx/signing.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { encodeMessage } from '../../wire/message.ts';
import { FEERATE_FLOOR, msat, type SecretKey, sat } from '../../wire/units.ts';
import { channelOf } from './setup.ts';
import { framed } from './stubs/plaintransport.ts';
import { nameOfChunk } from './unresponsive.ts';
import type { Altered } from './wires.ts';
import type { World } from './world.ts';

export interface ClosingFeeMove {
  readonly do: 'negotiateClosingFee';
  readonly link: number;
  readonly side: 0 | 1;
  /** First all that the payer has and a satoshi less each time; first nothing and a satoshi more; always what is just relayed. */
  readonly manner: 'greedy' | 'stingy' | 'cheap';
  /** The fee_range it gives: none, everything, or its fee alone. */
  readonly range: 'none' | 'wide' | 'narrow';
  /** Proposals it makes before it says nothing any more. */
  readonly rounds: number;
}

/** What a closing pays to whom, by either side's word; `them` is the haggler. */
const contentOf = ({ core, ours, theirs }: Negotiating, isHaggler: boolean) => {
  const { params, funding } = core;
  const { toUs, toThem } = specOf(core, inLocal(core.head.local));
  const local = { funding: params.local.basepoints.funding, balance: msat(toUs), script: ours };
  const remote = { funding: params.remote.basepoints.funding, balance: msat(toThem), script: theirs };
  const payer: 'local' | 'remote' = params.role === 'funder' ? 'local' : 'remote';
  return {
    channel_id: core.channelId,
    dustLimit: (isHaggler ? params.local : params.remote).dustLimit,
    payerBalance: (payer === 'local' ? toUs : toThem) / 1000n,
    content: { funding, fundingAmount: params.capacity, local, remote, payer },
    scripts: [ours, theirs] as const,
  };
};

class Haggler {
  private readonly world: World;
  private readonly move: ClosingFeeMove;
  private said = 0;
  private last: bigint | undefined;

  constructor(world: World, move: ClosingFeeMove) {
    this.world = world;
    this.move = move;
  }

  /** What is said on the lines, as it is said. */
  hear(link: number, side: 0 | 1, chunk: Uint8Array): Altered | undefined {
    const { move } = this;
    if (link !== move.link) return undefined;
    const name = nameOfChunk(chunk);
    if (name === 'channel_reestablish') this.last = undefined;
    if (name !== 'closing_signed') return undefined;
    const mine = side === move.side;
    // Its process has only the first word, where that is the funder's.
    if (mine) return { on: this.last === undefined ? this.proposal() : [], back: [] };
    return { on: [], back: this.proposal() };
  }

  private proposal(): readonly Uint8Array[] {
    const { world, move } = this;
    const [own, other] = [move.link + move.side, move.link + 1 - move.side];
    const key = channelOf(move.link);
    const [ours, theirs] = [world.channel(own, key), world.channel(other, key)];
    const secret = ours && coreOf(ours)?.keys.funding;
    const isHaggler = theirs?.phase !== 'negotiating';
    const state = isHaggler ? ours : theirs;
    if (secret === undefined || state?.phase !== 'negotiating' || this.said >= move.rounds) return [];
    return [this.signed(state, isHaggler, secret)];
  }

  private signed(state: Negotiating, isHaggler: boolean, secret: SecretKey): Uint8Array {
    const { content, payerBalance, dustLimit, channel_id, scripts } = contentOf(state, isHaggler);
    const step = BigInt(this.said++);
    const { manner, range } = this.move;
    const wanted =
      manner === 'greedy'
        ? payerBalance - step
        : manner === 'stingy'
          ? step
          : (closingFee(FEERATE_FLOOR, ...scripts) as bigint);
    const fee = sat(wanted < 0n ? 0n : wanted < payerBalance ? wanted : payerBalance);
    this.last = fee;
    const closing = buildLegacyClosing({ ...content, fee }, dustLimit);
    const [low, high] = range === 'wide' ? [sat(0n), sat(payerBalance)] : [fee, fee];
    return framed(
      encodeMessage({
        name: 'closing_signed',
        channel_id,
        fee_satoshis: fee,
        signature: signFundingSpend(closing, secret),
        ...(range === 'none' ? {} : { fee_range: { min_fee_satoshis: low, max_fee_satoshis: high } }),
      }),
    );
  }
}

/** The faulty node, if it is one of this link, proposes such fees from now on. */
export const negotiateClosingFee = (world: World, move: ClosingFeeMove): void => {
  if (move.link + move.side !== world.faulty) return;
  const haggler = new Haggler(world, move);
  world.unresponsiveLinks.add(move.link);
  world.wires.alter = (link, side, chunk) => haggler.hear(link, side, chunk);
};
