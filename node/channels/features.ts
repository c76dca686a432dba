/** What a channel hears of its peer when they meet. */
import type { ChannelFeatures } from '../../channel/model/channeltype.ts';
import type { Peer } from '../peer/peer.ts';

/** What a channel cares about of what both peers' `init` have in common. */
export const channelFeatures = (peer: Peer): ChannelFeatures => ({
  upfrontShutdown: peer.features.has('option_upfront_shutdown_script'),
  largeChannel: peer.features.has('option_support_large_channel'),
  anchors: peer.features.has('option_anchors'),
  anysegwit: peer.features.has('option_shutdown_anysegwit'),
  scidAlias: peer.features.has('option_scid_alias'),
});
