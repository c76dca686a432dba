/** Which channel a call is about. */

import { equal, hex } from '../../../../wire/bytes.ts';
import { scidText } from '../../../../wire/units.ts';
import { coreOf, type Entry, isEnding } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import type { ChannelRef } from '../../params.ts';

/** The one channel that is meant: of a peer, the one that is not on chain, or the only one. Throws ApiError. */
export const found = (node: Pick<Node, 'channels'>, ref: ChannelRef): Entry => {
  if ('scid' in ref) {
    const entry = node.channels.byShortId(ref.scid);
    if (entry === undefined) throw new ApiError('general', `no channel ${scidText(ref.scid)}`);
    return entry;
  }
  const wanted = [...node.channels.entries.values()].filter(({ peer, machine: { state } }) => {
    const core = coreOf(state);
    if (core === undefined || state.phase === 'closed') return false;
    return 'peer' in ref ? peer === hex(ref.peer) : equal(core.channelId, ref.channel);
  });
  // Of a peer, the channel that lives is meant, whatever of earlier ones is still listed.
  const living = wanted.filter((entry) => !isEnding(entry));
  const [only, another] = living.length > 0 ? living : wanted;
  if (only === undefined)
    throw new ApiError(
      'general',
      'peer' in ref ? `no channel with ${hex(ref.peer)}` : `no channel ${hex(ref.channel)}`,
    );
  if (another !== undefined)
    throw new ApiError('general', 'several channels with this peer: name one by its channel_id or short_channel_id');
  return only;
};
