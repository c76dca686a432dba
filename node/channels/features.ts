/** What a channel is told when its peer connects. */
import type { ChannelFeatures } from '../../channel/model/channeltype.ts';
import type { Peer } from '../peer/peer.ts';

/** The features of both peers' `init` that channels use. */
export const channelFeatures = (peer: Peer): ChannelFeatures => ({
  upfrontShutdown: peer.features.has('option_upfront_shutdown_script'),
  largeChannel: peer.features.has('option_support_large_channel'),
  anchors: peer.features.has('option_anchors'),
  anysegwit: peer.features.has('option_shutdown_anysegwit'),
  scidAlias: peer.features.has('option_scid_alias'),
});
