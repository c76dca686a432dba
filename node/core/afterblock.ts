/** What the node does after each block that was connected or disconnected: deadlines, fees, announcements, rebroadcasts. */
import type { Backups } from '../backup/backups.ts';
import type { Feerates } from '../chain/feerate.ts';
import type { Channels } from '../channels/channels.ts';
import type { Entry } from '../channels/entry.ts';
import type { ChannelHost } from '../channels/host.ts';
import type { Onchain } from '../channels/onchain.ts';
import type { ReplayLog } from '../forward/replayprotection.ts';
import type { Gossip } from '../graph/gossip.ts';
import type { Payments } from '../pay/payments.ts';
import type { ReceiverHost } from '../pay/receiver.ts';
import type { ChainEvent } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import type { InternalErrors } from './internalerrors.ts';

export interface AfterBlockParts {
  readonly channels: Channels;
  readonly channelHost: ChannelHost;
  readonly receiver: ReceiverHost;
  readonly payments: Payments;
  readonly replays: ReplayLog;
  readonly gate: Gate;
  readonly onchain: Onchain;
  readonly feerates: Feerates;
  readonly backups: Backups;
  readonly gossip: Pick<Gossip, 'block'>;
  /** Sends our announcements of a channel where they changed or are about to expire. */
  readonly refresh: (entry: Entry) => void;
  /** Sends our own transactions again that are not confirmed. */
  readonly rebroadcast: () => void;
  readonly onInternalError: InternalErrors;
}

/** Called after each block event, once the listeners of the follower have saved what it changed. */
export const afterBlock =
  (parts: AfterBlockParts) =>
  (event: ChainEvent): void => {
    const { channels, channelHost, gate, feerates, onInternalError } = parts;
    const at = event.event === 'connected' ? event.block.height : event.height - 1;
    channelHost.block(at);
    parts.receiver.tick();
    parts.payments.tick();
    gate.save(parts.replays.prune(at));
    for (const entry of channels.entries.values()) {
      // It may be deep enough to be announced now, or its channel_update so old that other nodes would prune it.
      parts.refresh(entry);
    }
    parts.gossip.block().catch(onInternalError('gossip'));
    parts.onchain.block().catch(onInternalError('claims'));
    const priced = feerates.refresh().then((changes) => {
      gate.save(changes);
      channelHost.feeratesChanged();
    });
    priced.catch(onInternalError('fees'));
    parts.rebroadcast();
    parts.backups.refresh();
  };
