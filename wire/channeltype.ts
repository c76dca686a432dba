/** BOLT 2, "The open_channel Message": `channel_type`, a bitmap that names a channel's format by the required bits of its features. */
import { equal } from './bytes.ts';
import { bitmapOf, type FeatureName, features, hasBit } from './features.ts';

/** A format and what may be added to it. */
export type ChannelTypeFeature = 'option_static_remotekey' | 'option_anchors' | 'option_scid_alias' | 'option_zeroconf';

/** The bitmap of a type, minimal as BOLT 2 compares types byte by byte. */
export const channelType = (...names: readonly ChannelTypeFeature[]): Uint8Array =>
  bitmapOf(names.map((name) => features[name].bit));

const inTypes = (Object.keys(features) as FeatureName[]).filter((name): name is ChannelTypeFeature =>
  features[name].contexts.includes('T'),
);

/** The features of a type; undefined when it names a feature of no type, an odd bit, or is not minimal. */
export const channelTypeFeatures = (type: Uint8Array): ReadonlySet<ChannelTypeFeature> | undefined => {
  const found = inTypes.filter((name) => hasBit(type, features[name].bit));
  return equal(channelType(...found), type) ? new Set(found) : undefined;
};
