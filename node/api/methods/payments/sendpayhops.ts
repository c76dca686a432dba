/** The hops that callers of `sendpay` and `sendonion` give, in either of Core Lightning's spellings: that of getroute or of getroutes. */

import { z } from 'zod';
import { isPoint } from '../../../../wire/crypto.ts';
import { MAX_EXPIRY_AHEAD, type Msat, type Point, type ShortChannelId } from '../../../../wire/units.ts';
import { ApiError } from '../../errors.ts';
import * as param from '../../params.ts';

/** A hop as a caller gives it: to `node` over `channel`. */
export interface GivenHop {
  readonly node: Point;
  /** undefined: whichever there is, where it is the first. */
  readonly channel: ShortChannelId | undefined;
  /** What arrives at the node. */
  readonly amount: Msat;
  /** Blocks between now and the expiry of the HTLC that arrives there. */
  readonly delay: number;
}

const channel = param.param<string, ShortChannelId>('short_channel_id[/direction]', (given) =>
  param.scidFrom(typeof given === 'string' ? given.replace(/\/[01]$/, '') : given),
);
const point = param.nodeId.refine((id) => isPoint(id), { error: 'expected a point on the curve secp256k1' });
const amount = param.amountMsat.refine((given) => given > 0n, { error: 'expected more than nothing' });
const delay = param.integer(0, MAX_EXPIRY_AHEAD);

const fields = {
  ...{ id: point.optional(), node_id_out: point.optional() },
  ...{ channel: channel.optional(), short_channel_id_dir: channel.optional() },
  ...{ amount_msat: amount.optional(), amount_out_msat: amount.optional() },
  ...{ delay: delay.optional(), cltv_out: delay.optional() },
};

/** A hop; members beside these are passed over, as Core Lightning does. `anyChannel`: it need not name its channel. */
const hop = (anyChannel: boolean) =>
  z
    .object(fields, { error: 'expected an object with id, channel, amount_msat and delay' })
    .transform((given, context): GivenHop => {
      const missing = (name: string): typeof z.NEVER => {
        context.addIssue({ code: 'custom', path: [name], message: 'is required' });
        return z.NEVER;
      };
      const node = given.node_id_out ?? given.id;
      const channel = given.short_channel_id_dir ?? given.channel;
      const amount = given.amount_out_msat ?? given.amount_msat;
      const delay = given.cltv_out ?? given.delay;
      if (node === undefined) return missing('id');
      if (channel === undefined && !anyChannel) return missing('channel');
      if (amount === undefined) return missing('amount_msat');
      if (delay === undefined) return missing('delay');
      return { node, channel, amount, delay };
    })
    .meta({ kind: '{id, channel, amount_msat, delay}' });

export const firstHopParam = hop(true);
export const routeParam = (most: number) => param.many(hop(false), most);

/** Throws ApiError for a route along which an amount or a delay grows: no node forwards more, or for longer, than it is given. */
export const checkFalling = (route: readonly GivenHop[]): void => {
  route.forEach(({ amount, delay }, i) => {
    const before = route[i - 1];
    const refuse = (name: string, most: bigint | number): ApiError => {
      const field = `route.${i}.${name}`;
      return new ApiError('invalid_params', `${field}: expected at most ${most}, as at the hop before`, { field });
    };
    if (before !== undefined && amount > before.amount) throw refuse('amount_msat', before.amount);
    if (before !== undefined && delay > before.delay) throw refuse('delay', before.delay);
  });
};
