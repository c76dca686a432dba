/**
 * All connections of a node: listening, dialling, one connection per peer, and reconnecting. A peer with a channel is dialled again after
 * every loss, with growing pauses of up to a minute. Inbound peers without a channel have limited slots, before and after the
 * handshake and per source address, and limited memory for what they do not read.
 */
import { setMaxListeners } from 'node:events';
import { compare, hex } from '../../wire/bytes.ts';
import { pointOf } from '../../wire/crypto.ts';
import { HandshakeError } from '../../wire/noise.ts';
import type { ChainHash, Point, SecretKey } from '../../wire/units.ts';
import { addressText } from '../base/address.ts';
import type { Address, Clock, Connection, Entropy, Listener, Log, Transport } from '../ports/ports.ts';
import { ConnectionSlots, LOOPBACK, sourceOf } from './connectionslots.ts';
import { EventLoopQueue } from './eventloopqueue.ts';
import { type PeerLimits, peerLimits } from './limits.ts';
import { initiate, type Outbox, respond, type SecureStream } from './noisestream.ts';
import { type Direction, Peer, type PeerHandlers } from './peer.ts';
import { Redial } from './redial.ts';
import { MessageTrace } from './trace.ts';
import type { WireTaps } from './wiretaps.ts';

export interface PeersParts {
  readonly key: SecretKey;
  readonly features: Uint8Array;
  readonly chainHash: ChainHash;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly handlers: PeerHandlers;
  /** How many channels there are with a peer that have cost somebody something; undefined where nobody has any. */
  readonly channels?: ((id: Point) => number) | undefined;
  /** Whether connections from loopback count as one source. */
  readonly limitLoopback?: boolean | undefined;
  readonly limits?: Partial<PeerLimits> | undefined;
  /** Shown every message, both ways. */
  readonly taps?: WireTaps | undefined;
  /** Wraps every connection. */
  readonly wrapStream?: ((stream: SecureStream) => SecureStream) | undefined;
}

/** Why a peer could not be reached. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly code: 'unreachable' | 'handshake' | 'refused' | 'no_address' | 'busy' | 'stopped';
  constructor(code: ConnectError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

const DIAL_TIMEOUT_MS = 15_000;
/** Two connections made at the same moment, one from each side: both sides must keep the same one. */
const CROSSING_MS = 3_000;

/** An inbound connection before its `init`. */
interface PendingInbound {
  readonly source: string;
  readonly connection: Connection;
}

export class Peers {
  private readonly parts: PeersParts;
  private readonly limits: PeerLimits;
  private readonly ourId: Point;
  /** All open connections, before and after `init`, and those that still have something to send. */
  private readonly open = new Set<Peer>();
  private readonly outbox: Outbox = { unsent: 0 };
  private readonly pendingInbound: ConnectionSlots<PendingInbound>;
  private readonly withoutChannel: ConnectionSlots<Peer>;
  private readonly queues = { handshakes: new EventLoopQueue(), messages: new EventLoopQueue() } as const;
  private readonly connected = new Map<string, Peer>();
  private readonly redial: Redial;
  private readonly dialling = new Map<string, { readonly at: string; readonly pending: Promise<Peer> }>();
  private readonly stopping = new AbortController();
  private listener: Listener | undefined;

  constructor(parts: PeersParts) {
    this.parts = parts;
    this.limits = { ...peerLimits, ...parts.limits };
    const exempt = parts.limitLoopback ? undefined : LOOPBACK;
    this.pendingInbound = new ConnectionSlots({
      total: this.limits.pendingInbound,
      perSource: this.limits.pendingInboundPerSource,
      exempt,
    });
    this.withoutChannel = new ConnectionSlots({
      total: this.limits.withoutChannel,
      perSource: this.limits.withoutChannelPerSource,
      exempt,
    });
    this.redial = new Redial({
      ...parts,
      isConnected: (key) => this.connected.has(key),
      isBusy: () => this.dialling.size >= this.limits.reconnecting,
      connect: (id, address) => this.connect(id, address),
    });
    // Each connection being made adds a listener.
    setMaxListeners(0, this.stopping.signal);
    this.ourId = pointOf(parts.key);
  }

  /** Where we listen; undefined before `listen`. */
  get address(): Address | undefined {
    return this.listener?.address;
  }

  /** Bytes of memory that wait for peers to take them. */
  get unsent(): number {
    return this.outbox.unsent;
  }

  get all(): Iterable<Peer> {
    return this.connected.values();
  }

  /** The connected peer, after `init`. */
  get(id: Point): Peer | undefined {
    return this.connected.get(hex(id));
  }

  /** Accepts connections from now on. Rejects when it cannot listen on the address. */
  async listen(address: Address): Promise<Listener> {
    this.listener = await this.parts.transport.listen(address, (connection) => void this.accept(connection));
    return this.listener;
  }

  /**
   * An inbound connection has a slot until its `init`; where all slots are taken, the oldest such connection is closed. Only after the
   * handshake is it known whether the peer has a channel.
   */
  private async accept(connection: Connection): Promise<void> {
    if (this.stopping.signal.aborted) {
      connection.close();
      return;
    }
    const source = sourceOf(connection.remote.host);
    const gone = this.pendingInbound.oldestToEvict(source);
    if (gone !== undefined) this.evict(gone);
    const arrival: PendingInbound = { source, connection };
    this.pendingInbound.add(source, arrival);
    try {
      const stream = await respond({
        ...this.handshakeParts(),
        connection,
        turn: (isOver) => this.queues.handshakes.turn(isOver),
      });
      if (this.stopping.signal.aborted) stream.close();
      else await this.runPeer(stream, 'in').catch(() => undefined);
    } catch (error) {
      this.parts.log.debug(
        { from: connection.remote.host, reason: reason(error) },
        'an inbound connection failed the handshake',
      );
    } finally {
      this.pendingInbound.free(source, arrival);
    }
  }

  private evict(arrival: PendingInbound): void {
    this.pendingInbound.free(arrival.source, arrival);
    arrival.connection.close();
  }

  private handshakeParts() {
    const { key, entropy, clock } = this.parts;
    return { local: key, entropy, clock, outbox: this.outbox };
  }

  /**
   * Resolves with the peer once `init` was exchanged; an existing connection is used as it is. Throws ConnectError, `busy` where
   * as many connections are being made as may be.
   */
  async connect(id: Point, address: Address): Promise<Peer> {
    const key = hex(id);
    const existing = this.connected.get(key);
    if (existing !== undefined) return existing;
    const at = addressText(address);
    const dial = this.dialling.get(key);
    // A dial to another address, such as where the peer was before, may fail where this one does not.
    if (dial !== undefined) return dial.at === at ? dial.pending : dial.pending.catch(() => this.connect(id, address));
    if (this.dialling.size >= this.limits.dialling)
      throw new ConnectError('busy', `${this.dialling.size} connections are being made: try again in a moment`);
    const pending = this.connectTo(id, address).finally(() => this.dialling.delete(key));
    this.dialling.set(key, { at, pending });
    return pending;
  }

  private async connectTo(id: Point, address: Address): Promise<Peer> {
    const { transport, clock } = this.parts;
    const abort = new AbortController();
    const give = () => abort.abort();
    const cancel = clock.after(DIAL_TIMEOUT_MS, give);
    this.stopping.signal.addEventListener('abort', give, { once: true });
    const where = `${address.host}:${address.port}`;
    let connection: Connection;
    try {
      connection = await transport.dial(address, abort.signal);
    } catch (error) {
      throw new ConnectError('unreachable', `cannot reach ${where}: ${reason(error)}`);
    } finally {
      cancel();
      this.stopping.signal.removeEventListener('abort', give);
    }
    const end = () => connection.close();
    this.stopping.signal.addEventListener('abort', end, { once: true });
    let stream: SecureStream;
    try {
      if (this.stopping.signal.aborted) throw new ConnectError('stopped', 'this node is stopping');
      stream = await initiate({ ...this.handshakeParts(), connection, remote: id });
    } catch (error) {
      const hint = error instanceof HandshakeError ? ' (is this the id of the node at that address?)' : '';
      throw new ConnectError('handshake', `no handshake with ${hex(id)} at ${where}: ${reason(error)}${hint}`);
    } finally {
      if (this.stopping.signal.aborted) end();
      this.stopping.signal.removeEventListener('abort', end);
    }
    return this.runPeer(stream, 'out');
  }

  /** Runs a connection; resolves when both sides said `init`, rejects when that never happens. */
  private runPeer(stream: SecureStream, direction: Direction): Promise<Peer> {
    const { features, chainHash, clock, log, handlers, wrapStream, taps } = this.parts;
    const key = hex(stream.remote);
    const peerLog = log.child({ peer: key.slice(0, 16) });
    const started = new Promise<Peer>((resolve, reject) => {
      const peer: Peer = new Peer({
        stream: wrapStream?.(stream) ?? stream,
        direction,
        features,
        chainHash,
        clock,
        log: peerLog,
        trace: new MessageTrace(peerLog, key, taps),
        onQueued: (some) => this.limitUnsent(some),
        afterSlice: (some) => (this.channelsWith(some) > 0 ? undefined : this.queues.messages.turn()),
        handlers: {
          message: handlers.message,
          custom: handlers.custom,
          ready: (ready) => {
            const no = this.admit(ready);
            if (no !== undefined) {
              ready.close(no);
              return;
            }
            handlers.ready(ready);
            resolve(ready);
          },
          closed: (gone, why) => {
            reject(new ConnectError('refused', why));
            this.withoutChannel.free(sourceOf(gone.remote.host), gone);
            void gone.flushed().then(() => this.open.delete(gone));
            if (this.connected.get(gone.key) !== gone) return;
            this.connected.delete(gone.key);
            handlers.closed(gone, why);
            this.redial.lost(gone.key, gone.since);
          },
        },
      });
      this.open.add(peer);
      void peer.run();
    });
    started.catch(() => undefined);
    return started;
  }

  /**
   * Keeps one connection per peer: the newer one, or of two dialled at once the one dialled by the lesser node id. Returns why this one
   * is not kept.
   */
  private admit(peer: Peer): string | undefined {
    const other = this.connected.get(peer.key);
    if (other !== undefined) {
      const crossed = other.direction !== peer.direction && peer.since - other.since < CROSSING_MS;
      const keeps: Direction = compare(this.ourId, peer.id) < 0 ? 'out' : 'in';
      if (crossed && other.direction === keeps) return 'another connection with this peer is already in use';
      other.close('replaced by a newer connection with this peer');
    }
    if (peer.direction === 'in' && this.channelsWith(peer) === 0 && !this.takeSlot(peer)) {
      peer.warn('no room for another connection now: try again later');
      return 'too many connections with peers without a channel';
    }
    this.connected.set(peer.key, peer);
    this.redial.connected(peer.key);
    return undefined;
  }

  private channelsWith(peer: Peer): number {
    return this.parts.channels?.(peer.id) ?? 0;
  }

  /** Gives a peer without a channel a slot, evicting one of a source with more of them if necessary. False where there is none. */
  private takeSlot(peer: Peer): boolean {
    const source = sourceOf(peer.remote.host);
    if (this.withoutChannel.youngestToEvict(source) !== undefined)
      // Some of them have a channel by now.
      for (const one of this.connected.values())
        if (this.channelsWith(one) > 0) this.withoutChannel.free(sourceOf(one.remote.host), one);
    const inTheWay = this.withoutChannel.youngestToEvict(source);
    if (inTheWay === 'newcomer') return false;
    inTheWay?.close('replaced by a peer from an address with fewer connections');
    this.withoutChannel.add(source, peer);
    return true;
  }

  /** Most bytes that may wait for a peer: enough for what its channels send after a reconnect. */
  private roomFor(peer: Peer): number {
    return this.limits.unsent + this.channelsWith(peer) * this.limits.unsentPerChannel;
  }

  /** Closes the connection of a peer that leaves too much unread; where the total is too much, that of the worst. */
  private limitUnsent(peer: Peer): void {
    if (peer.unsent > this.limits.unsent && peer.unsent > this.roomFor(peer)) {
      peer.destroy(`the peer does not read what is sent to it: ${peer.unsent} bytes wait`);
      return;
    }
    if (this.outbox.unsent <= this.limits.unsentTotal) return;
    let worst: Peer | undefined;
    let most = 0;
    for (const one of this.open) {
      const share = one.unsent / this.roomFor(one);
      if (share > most) [worst, most] = [one, share];
    }
    worst?.destroy(`too many bytes are queued for peers that do not read, ${worst.unsent} of them for this peer`);
  }

  /** From now on the peer is dialled whenever it is not connected. */
  keepConnected(id: Point, addresses: readonly Address[]): void {
    this.redial.keepConnected(id, addresses);
  }

  /** Stops dialling the peer; an open connection stays. */
  stopReconnecting(id: Point): void {
    this.redial.stopReconnecting(id);
  }

  /** Closes all connections; nothing is dialled or accepted any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.listener?.close();
    this.redial.stop();
    for (const arrival of [...this.pendingInbound]) this.evict(arrival);
    const open = [...this.open];
    for (const peer of open) peer.close('this node is stopping');
    // A peer that does not read gets a few seconds only.
    await Promise.all(open.map((peer) => peer.flushed()));
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
