/** The kinds of channel we know (BOLT 2, "Defined Channel Types"), and which of them two peers may open. */
import { equal } from '../../wire/bytes.ts';
import { type ChannelTypeFeature, channelType } from '../../wire/channeltype.ts';
import type { CommitmentFormat } from '../tx/commitmentformats.ts';

/** A commitment format, and whether the channel is only ever referred to by its aliases (option_scid_alias). */
export interface ChannelType {
  readonly format: CommitmentFormat['name'];
  readonly scidAlias: boolean;
}

const basic = {
  static_remotekey: ['option_static_remotekey'],
  anchors_zero_fee_htlc_tx: ['option_static_remotekey', 'option_anchors'],
} as const satisfies Record<CommitmentFormat['name'], readonly ChannelTypeFeature[]>;

/** All types we know, best first, each with its bitmap. */
const known = ([false, true] as const).flatMap((scidAlias) =>
  (['anchors_zero_fee_htlc_tx', 'static_remotekey'] as const).map((format) => ({
    format,
    scidAlias,
    bits: channelType(...basic[format], ...(scidAlias ? (['option_scid_alias'] as const) : [])),
  })),
);

/** The fields of a proposal that determine its channel_type. */
interface Proposed {
  readonly format: CommitmentFormat['name'];
  readonly scidAliasType: boolean;
}

/** `channel_type`'s bytes for what a proposal says. */
export const channelTypeBits = ({ format, scidAliasType }: Proposed): Uint8Array =>
  known.find((type) => type.format === format && type.scidAlias === scidAliasType)?.bits ?? new Uint8Array();

/** The type that a bitmap names; undefined for one we do not know. */
export const channelTypeFromBits = (bits: Uint8Array): ChannelType | undefined =>
  known.find((type) => equal(type.bits, bits));

/**
 * Whether a type may be opened: all it is made of is negotiated, and a channel that only aliases name is not announced, since
 * an announcement tells the real short_channel_id (BOLT 2).
 */
export const isOpenable = ({ format, scidAlias }: ChannelType, features: ChannelFeatures, announce: boolean): boolean =>
  (features.anchors || !(basic[format] as readonly string[]).includes('option_anchors')) &&
  (!scidAlias || (features.scidAlias && !announce));

/**
 * Whether a fundee accepts a type that may be opened. Without anchors nobody can add a fee to a commitment, and the funder alone
 * sets its feerate: HTLCs may expire before it is mined. So a peer that supports anchors may open such a channel only where the
 * operator allows it; a peer without anchors has no other type.
 */
export const isAcceptable = (
  type: ChannelType,
  { features, allowStaticRemotekey }: AcceptableTypes,
  announce: boolean,
): boolean =>
  isOpenable(type, features, announce) &&
  (type.format !== 'static_remotekey' || !features.anchors || allowStaticRemotekey);

/** What decides which channel types a fundee accepts. */
export interface AcceptableTypes {
  readonly features: ChannelFeatures;
  /** Whether a peer that knows anchors may open a channel without. */
  readonly allowStaticRemotekey: boolean;
}

/** The types a fundee accepts, for the text of a refusal. */
export const describeAcceptableTypes = (taking: AcceptableTypes, announce: boolean): string =>
  namesOf((type) => isAcceptable(type, taking, announce));

/** The types that may be opened, for the text of a refusal. */
export const describeOpenableTypes = (features: ChannelFeatures, announce: boolean): string =>
  namesOf((type) => isOpenable(type, features, announce));

const namesOf = (wanted: (type: ChannelType) => boolean): string =>
  known
    .filter(wanted)
    .map(({ format, scidAlias }) => `${format}${scidAlias ? ' with option_scid_alias' : ''}`)
    .join(', ');

/** The type we propose by default: anchors, so that fees can be added when the commitment is published. */
export const preferredType = (features: ChannelFeatures): ChannelType => ({
  format: features.anchors ? 'anchors_zero_fee_htlc_tx' : 'static_remotekey',
  scidAlias: false,
});

/** Features that both peers' `init` carry, that matter to a channel (BOLT 9). */
export interface ChannelFeatures {
  /** option_upfront_shutdown_script, 4/5. */
  readonly upfrontShutdown: boolean;
  /** option_support_large_channel, 18/19. */
  readonly largeChannel: boolean;
  /** option_anchors, 22/23. */
  readonly anchors: boolean;
  /** option_shutdown_anysegwit, 26/27. */
  readonly anysegwit: boolean;
  /** option_scid_alias, 46/47. */
  readonly scidAlias: boolean;
}
