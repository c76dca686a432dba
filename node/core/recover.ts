/**
 * Recovering channels from a backup. Each channel that the node does not know is restored as one that can only end: its peer is asked
 * to force-close it, and our outputs are swept. Doing it twice, or with an old backup, changes nothing.
 */
import { channelIdOf } from '../../channel/tx/funding.ts';
import { hex } from '../../wire/bytes.ts';
import type { ChannelId } from '../../wire/units.ts';
import type { BackedUp, Contents } from '../backup/format.ts';
import type { Follower } from '../chain/follower.ts';
import type { Channels } from '../channels/channels.ts';
import type { ChannelHost } from '../channels/host.ts';
import { staticName } from '../channels/naming.ts';
import { CHANNELS } from '../channels/onchain.ts';
import type { Reconnecting } from '../channels/reconnect.ts';
import type { AddressBook } from '../peer/addressbook.ts';
import type { Chain, Log, Store } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import { addressGap } from '../wallet/keys.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { rescanWallet } from './rescan.ts';

export interface RecoverParts {
  readonly store: Store;
  readonly gate: Gate;
  readonly chain: Chain;
  readonly follower: Follower;
  readonly log: Log;
  readonly wallet: Wallet;
  readonly channels: Channels;
  readonly channelHost: ChannelHost;
  readonly addresses: AddressBook;
  readonly reconnecting: Reconnecting;
}

/** Recovers the channels of a backup that this node does not know; returns their ids. Throws ChainError, StoreError. */
export const recoverFromBackup = async (parts: RecoverParts, contents: Contents): Promise<readonly ChannelId[]> => {
  const { gate, wallet, log } = parts;
  // Fails first where the chain is away: a second call would find the channels known, and skip the rescan below.
  await parts.chain.tip();
  await wallet.use(contents.addresses);
  const found: ChannelId[] = [];
  for (const channel of contents.channels)
    if (await recoverChannel(parts, channel)) found.push(channelIdOf(channel.funding));
  await gate.allSaved();
  // Coins at addresses beyond the gap limit were missed in blocks that the wallet has read.
  if (found.length > 0 && contents.addresses.some((count) => count > addressGap)) {
    log.info(
      { addresses: contents.addresses },
      'the backup has more addresses than the gap limit; rescanning all blocks for coins of the wallet',
    );
    await rescanWallet(parts);
  }
  return found;
};

const recoverChannel = async (
  { store, channels, channelHost, addresses, reconnecting, log }: RecoverParts,
  { params, funding, addresses: known }: BackedUp,
): Promise<boolean> => {
  const { key, peer } = params;
  for (const address of [...known].reverse()) await addresses.reached(peer, address);
  if (channels.entries.has(key) || (await store.get(`${CHANNELS}${key}/static`)) !== undefined) return false;
  reconnecting.keepConnected(channelHost.recover({ params, funding }));
  log.warn(
    { channel: staticName({ funding }), peer: hex(peer).slice(0, 16) },
    'a channel is recovered from the backup; its peer is asked to force-close it',
  );
  if (addresses.of(peer).length === 0)
    log.warn(
      { peer: hex(peer) },
      'no address of this peer is known: wait until it connects, or connect to it with `ampere connect`',
    );
  return true;
};
