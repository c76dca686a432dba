/** Which outgoing HTLC each incoming HTLC was forwarded as. Nothing of it is stored: the channels hold both ends. */
import type { AtStake } from '../../amp/io.ts';
import type { Htlc } from '../../channel/model/state.ts';
import type { Msat, ShortChannelId } from '../../wire/units.ts';
import { fromHtlcName } from '../pay/origin.ts';

/** The HTLCs that peers offered, while their channels still have them. */
export interface IncomingHtlcs {
  incoming(channel: string, id: bigint): Htlc | undefined;
}

/** The outgoing end of a forward; `id` and `fee` are known once it is decided, the fee only of one that succeeded. */
export interface ForwardLink {
  readonly channel: string;
  /** The short_channel_id in the onion; not known any more after a restart. */
  readonly named?: ShortChannelId;
  readonly id?: bigint;
  readonly fee?: Msat;
}

/** By the incoming HTLC's name. */
export class ForwardLinks extends Map<string, ForwardLink> {
  private readonly channels: IncomingHtlcs;

  constructor(channels: IncomingHtlcs) {
    super();
    this.channels = channels;
  }

  /** HTLCs that were forwarded and are not over, with both ends: one of them may have to be claimed on chain. */
  atStake(): readonly AtStake[] {
    return [...this].flatMap(([name, link]) => {
      const { channel, id } = fromHtlcName(name);
      const htlc = this.channels.incoming(channel, id);
      return htlc === undefined ? [] : [{ channels: [channel, link.channel], amount: htlc.amount }];
    });
  }
}
