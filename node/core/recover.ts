/**
 * Taking channels back from a backup. Each one that the node does not know becomes one that can only end: its peer is asked
 * to close it, and what that leaves for us is swept. Doing it twice, or with an old backup, changes nothing.
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

/** Takes back what a backup holds and this node does not know; gives the ids of those channels. Throws ChainError, StoreError. */
export const recoverFromBackup = async (parts: RecoverParts, contents: Contents): Promise<readonly ChannelId[]> => {
  const { gate, wallet, log } = parts;
  // Nothing is taken back by halves: what lies in the blocks is looked for as well, and asking anew would not do that again.
  await parts.chain.tip();
  await wallet.use(contents.addresses);
  const found: ChannelId[] = [];
  for (const channel of contents.channels)
    if (await recoverChannel(parts, channel)) found.push(channelIdOf(channel.funding));
  await gate.allSaved();
  // Coins that came to addresses further on than a wallet looks by itself were passed over in blocks it has read.
  if (found.length > 0 && contents.addresses.some((count) => count > addressGap)) {
    log.info({ addresses: contents.addresses }, 'looking for coins of the wallet in all blocks');
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
    'a channel is taken back from a backup, to be closed by its peer',
  );
  if (addresses.of(peer).length === 0)
    log.warn(
      { peer: hex(peer) },
      'no address of this peer is known: it has to call, or be called with `ampere connect`',
    );
  return true;
};
