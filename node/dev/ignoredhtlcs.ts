/** Peers whose HTLCs are left alone: neither passed on nor answered, until it is said that they no longer are. */
import type { ChannelEvent } from '../../channel/model/io.ts';
import { incomingOf, logFields } from '../channels/entry.ts';
import type { ChannelEventHandler } from '../channels/hostparts.ts';
import type { Log } from '../ports/ports.ts';

type Received = Extract<ChannelEvent, { event: 'received' }>;
type Waiting = { readonly entry: Parameters<ChannelEventHandler>[0]; readonly event: Received };

export class IgnoredHtlcs {
  private readonly log: Log;
  /** HTLCs left alone, by the hex of the peer's id. */
  private readonly peers = new Map<string, Waiting[]>();
  private next: ChannelEventHandler = () => undefined;

  constructor(log: Log) {
    this.log = log;
  }

  /** From now on; those left alone so far are heard once it ends. */
  set(peer: string, ignore: boolean): void {
    const waiting = this.peers.get(peer) ?? [];
    if (ignore) this.peers.set(peer, waiting);
    else {
      this.peers.delete(peer);
      // What its channel has done with meanwhile, perhaps together with the channel, nobody needs to hear of any more.
      for (const { entry, event } of waiting)
        if (incomingOf(entry.machine.state, event.id) !== undefined) this.next(entry, event);
    }
  }

  wrap(next: ChannelEventHandler): ChannelEventHandler {
    this.next = next;
    return (entry, event) => {
      const waiting = event.event === 'received' ? this.peers.get(entry.peer) : undefined;
      if (waiting === undefined || event.event !== 'received') return next(entry, event);
      waiting.push({ entry, event });
      this.log.info({ ...logFields(entry), htlc: event.id }, 'dev-ignore-htlcs: an HTLC is left alone');
    };
  }
}
