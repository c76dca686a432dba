/**
 * After a reconnect (BOLT 2, "Message Retransmission"): channel_reestablish says which commitment and which revocation each side
 * expects next; the difference to our numbers tells what to retransmit and whether a side has lost state (option_data_loss_protect).
 */
import { equal, zeros } from '../../wire/bytes.ts';
import { ChannelError } from '../model/errors.ts';
import type { ChannelMessage, ChannelMessageOf } from '../model/io.ts';
import type { Core } from '../model/state.ts';
import { perCommitmentPoint, perCommitmentSecret, receivedSecret } from '../tx/secrets.ts';
import { commitmentSigned, revokeAndAck } from './commitmentupdates.ts';
import { ourUpdates } from './htlcs.ts';
import { channelReady } from './lockin.ts';

/** Our channel_reestablish, the first message on a new connection. */
export const reestablishMessage = ({
  channelId,
  head,
  secrets,
  keys,
}: Core): ChannelMessageOf<'channel_reestablish'> => ({
  name: 'channel_reestablish',
  channel_id: channelId,
  next_commitment_number: BigInt(head.local + 1),
  next_revocation_number: BigInt(head.remote),
  your_last_per_commitment_secret: head.remote === 0 ? zeros(32) : receivedSecret(secrets, head.remote - 1),
  my_current_per_commitment_point: perCommitmentPoint(keys.perCommitmentSeed, head.local),
});

/**
 * channel_reestablish of a node without state: next_commitment_number 0. The peer then fails the channel and publishes its own
 * commitment (BOLT 2); some do not do that for an `error`.
 */
export const reestablishWithoutState = ({ channelId, keys }: Core): ChannelMessageOf<'channel_reestablish'> => ({
  name: 'channel_reestablish',
  channel_id: channelId,
  next_commitment_number: 0n,
  next_revocation_number: 0n,
  your_last_per_commitment_secret: zeros(32),
  my_current_per_commitment_point: perCommitmentPoint(keys.perCommitmentSeed, 0),
});

type Reestablish = ChannelMessageOf<'channel_reestablish'>;

/** Commitment numbers have 48 bits; whatever lies beyond is as good as the largest. */
const numberOf = (wire: bigint): number => Number(wire > 0xffff_ffff_ffffn ? 0xffff_ffff_ffffn : wire);

/** The secret that a peer returns which expects the revocation of that number next: zeros from one that has none yet. */
const lastSecret = ({ keys }: Core, next: number): Uint8Array =>
  next === 0 ? zeros(32) : perCommitmentSecret(keys.perCommitmentSeed, next - 1);

/**
 * Whether the peer has our last revocation. The secret it returns is the proof: without it anybody could claim that we are
 * behind and so keep us from publishing a good commitment. Throws ChannelError.
 */
const hasRevocation = (core: Core, message: Reestablish): boolean => {
  const { head } = core;
  const theirs = numberOf(message.next_revocation_number);
  // A peer that asks us to close need not prove anything; some fill in any secret then.
  if (theirs === 0 && message.next_commitment_number === 0n) throw new ChannelError({ code: 'reestablish_zero' });
  if (!equal(message.your_last_per_commitment_secret, lastSecret(core, theirs)))
    throw new ChannelError({ code: 'reestablish_wrong_secret', next: theirs });
  if (theirs > head.local) throw new ChannelError({ code: 'we_are_behind', theirs, ours: head.local });
  if (theirs < head.local - 1) throw new ChannelError({ code: 'peer_is_behind', theirs, ours: head.local });
  return theirs === head.local;
};

/** Whether the peer has our last commitment_signed. Throws ChannelError. */
const hasCommitment = ({ head }: Core, message: Reestablish): boolean => {
  const theirs = numberOf(message.next_commitment_number);
  if (theirs === 0) throw new ChannelError({ code: 'reestablish_zero' });
  const next = head.remote + (head.signedAt === undefined ? 1 : 2);
  if (theirs === next) return true;
  if (head.signedAt !== undefined && theirs === next - 1) return false;
  if (theirs < next) throw new ChannelError({ code: 'peer_is_behind', theirs, ours: next });
  throw new ChannelError({
    code: 'reestablish_impossible',
    field: 'next_commitment_number',
    expected: String(next),
    got: String(theirs),
  });
};

/**
 * The messages to retransmit, in their original order. Throws ChannelError when the numbers show that a side lost state or that the
 * message is impossible.
 */
export const messagesToResend = (core: Core, message: Reestablish): readonly ChannelMessage[] => {
  const { head, lockin } = core;
  const revoked = hasRevocation(core, message);
  const signed = hasCommitment(core, message);

  const ready = lockin.sent && head.local === 0 && message.next_commitment_number === 1n ? [channelReady(core)] : [];
  const revoke = revoked ? [] : [revokeAndAck(core)];
  const commitment = signed ? undefined : commitmentSigned(core);
  const sign =
    commitment === undefined ? [] : [...ourUpdates(core, ({ remote }) => remote === head.remote + 1), commitment];
  return head.signedAt === head.local ? [...ready, ...revoke, ...sign] : [...ready, ...sign, ...revoke];
};
