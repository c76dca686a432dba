/** Peers whose HTLCs are ignored: neither forwarded nor answered until that is switched off. */
import type { ChannelEvent } from '../../channel/model/io.ts';
import { incomingOf, logFields } from '../channels/entry.ts';
import type { ChannelEventHandler } from '../channels/hostparts.ts';
import type { Log } from '../ports/ports.ts';

type Received = Extract<ChannelEvent, { event: 'received' }>;
type Waiting = { readonly entry: Parameters<ChannelEventHandler>[0]; readonly event: Received };

export class IgnoredHtlcs {
  private readonly log: Log;
  /** Ignored HTLCs, by the peer's node id in hex. */
  private readonly peers = new Map<string, Waiting[]>();
  private next: ChannelEventHandler = () => undefined;

  constructor(log: Log) {
    this.log = log;
  }

  /** Switches it on or off; when it is switched off, the HTLCs ignored so far are processed. */
  set(peer: string, ignore: boolean): void {
    const waiting = this.peers.get(peer) ?? [];
    if (ignore) this.peers.set(peer, waiting);
    else {
      this.peers.delete(peer);
      // HTLCs that their channel has resolved meanwhile are skipped.
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
      this.log.info({ ...logFields(entry), htlc: event.id }, 'dev-ignore-htlcs: ignoring an HTLC');
    };
  }
}
