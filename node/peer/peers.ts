/**
 * All connections of a node: listening, dialling, one connection per peer, and coming back to the peers that matter. A peer
 * that we keep a channel with is dialled again after every loss, each time a little later, up to a minute.
 */
import { compare, hex } from '../../wire/bytes.ts';
import { pointOf } from '../../wire/crypto.ts';
import { HandshakeError } from '../../wire/noise.ts';
import type { ChainHash, Point, SecretKey } from '../../wire/units.ts';
import type { Address, Clock, Connection, Entropy, Listener, Log, Transport } from '../ports.ts';
import { type Direction, Peer, type PeerHandlers } from './peer.ts';
import { initiate, respond, type SecureStream } from './secure.ts';

export interface PeersParts {
  readonly key: SecretKey;
  readonly features: Uint8Array;
  readonly chainHash: ChainHash;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly handlers: PeerHandlers;
  /** Put around every connection. */
  readonly wrap?: ((stream: SecureStream) => SecureStream) | undefined;
}

/** Why a peer could not be reached. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly code: 'unreachable' | 'handshake' | 'refused' | 'no_address' | 'stopped';
  constructor(code: ConnectError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Strangers in the middle of a handshake at once; more are turned away. */
const MAX_HANDSHAKES = 64;
/** Connections from peers that we have no channel with. */
const MAX_INBOUND = 500;
const DIAL_TIMEOUT_MS = 15_000;
const BACKOFF_MS = { first: 500, most: 60_000 } as const;
/** A connection this old counts as one that worked. */
const STAYED_MS = 10_000;
/** Two connections made at the same moment, one from each side: both sides must keep the same one. */
const CROSSING_MS = 3_000;

interface Kept {
  readonly id: Point;
  readonly addresses: readonly Address[];
  delay: number;
  cancel: () => void;
}

export class Peers {
  private readonly parts: PeersParts;
  private readonly ourId: Point;
  private readonly connected = new Map<string, Peer>();
  private readonly kept = new Map<string, Kept>();
  private readonly dialling = new Map<string, Promise<Peer>>();
  private readonly stopping = new AbortController();
  private listener: Listener | undefined;
  private handshakes = 0;

  constructor(parts: PeersParts) {
    this.parts = parts;
    this.ourId = pointOf(parts.key);
  }

  /** Where we listen; undefined before `listen`. */
  get address(): Address | undefined {
    return this.listener?.address;
  }

  get all(): Iterable<Peer> {
    return this.connected.values();
  }

  /** The connected peer, after `init`. */
  get(id: Point): Peer | undefined {
    return this.connected.get(hex(id));
  }

  /** Takes connections from now on. Rejects when the address cannot be had. */
  async listen(address: Address): Promise<Listener> {
    this.listener = await this.parts.transport.listen(address, (connection) => void this.accept(connection));
    return this.listener;
  }

  private async accept(connection: Connection): Promise<void> {
    const { log } = this.parts;
    const inbound = [...this.connected.values()].filter((peer) => peer.direction === 'in' && !this.kept.has(peer.key));
    if (this.stopping.signal.aborted || this.handshakes >= MAX_HANDSHAKES || inbound.length >= MAX_INBOUND) {
      connection.close();
      return;
    }
    this.handshakes++;
    try {
      const stream = await respond({ ...this.handshakeParts(), connection });
      void this.begin(stream, 'in');
    } catch (error) {
      log.debug(
        { from: connection.remote.host, reason: reason(error) },
        'an incoming connection did not pass the handshake',
      );
    } finally {
      this.handshakes--;
    }
  }

  private handshakeParts() {
    const { key, entropy, clock } = this.parts;
    return { local: key, entropy, clock };
  }

  /** Resolves with the peer once `init` was exchanged; an existing connection is used as it is. Throws ConnectError. */
  async connect(id: Point, address: Address): Promise<Peer> {
    const key = hex(id);
    const existing = this.connected.get(key);
    if (existing !== undefined) return existing;
    const pending = this.dialling.get(key) ?? this.dial(id, address).finally(() => this.dialling.delete(key));
    this.dialling.set(key, pending);
    return pending;
  }

  private async dial(id: Point, address: Address): Promise<Peer> {
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
    let stream: SecureStream;
    try {
      stream = await initiate({ ...this.handshakeParts(), connection, remote: id });
    } catch (error) {
      const hint = error instanceof HandshakeError ? ' (is this the id of the node at that address?)' : '';
      throw new ConnectError('handshake', `no handshake with ${hex(id)} at ${where}: ${reason(error)}${hint}`);
    }
    return this.begin(stream, 'out');
  }

  /** Runs a connection; resolves when both sides said `init`, rejects when that never happens. */
  private begin(stream: SecureStream, direction: Direction): Promise<Peer> {
    const { features, chainHash, clock, log, handlers, wrap } = this.parts;
    const started = new Promise<Peer>((resolve, reject) => {
      const peer: Peer = new Peer({
        stream: wrap?.(stream) ?? stream,
        direction,
        features,
        chainHash,
        clock,
        log: log.child({ peer: hex(stream.remote).slice(0, 16) }),
        handlers: {
          message: handlers.message,
          ready: (ready) => {
            if (!this.admit(ready)) {
              ready.close('another connection with this peer is already in use');
              return;
            }
            handlers.ready(ready);
            resolve(ready);
          },
          closed: (gone, why) => {
            reject(new ConnectError('refused', why));
            if (this.connected.get(gone.key) !== gone) return;
            this.connected.delete(gone.key);
            handlers.closed(gone, why);
            this.lost(gone);
          },
        },
      });
      void peer.run();
    });
    started.catch(() => undefined);
    return started;
  }

  /** Keeps one connection per peer: the newer, or of two that crossed the one dialled by the lesser node id. */
  private admit(peer: Peer): boolean {
    const other = this.connected.get(peer.key);
    if (other !== undefined) {
      const crossed = other.direction !== peer.direction && peer.since - other.since < CROSSING_MS;
      const keeps: Direction = compare(this.ourId, peer.id) < 0 ? 'out' : 'in';
      if (crossed && other.direction === keeps) return false;
      other.close('replaced by a newer connection with this peer');
    }
    this.connected.set(peer.key, peer);
    const kept = this.kept.get(peer.key);
    kept?.cancel();
    return true;
  }

  /** From now on the peer is dialled whenever it is not connected. */
  keep(id: Point, addresses: readonly Address[]): void {
    const key = hex(id);
    this.kept.get(key)?.cancel();
    this.kept.set(key, { id, addresses, delay: BACKOFF_MS.first, cancel: () => undefined });
    if (!this.connected.has(key)) this.retry(key, 0);
  }

  /** Dials it no more; a connection that is there stays. */
  release(id: Point): void {
    this.kept.get(hex(id))?.cancel();
    this.kept.delete(hex(id));
  }

  /** A peer that leaves as soon as it came is given more and more time; one that stayed is called back at once. */
  private lost(peer: Peer): void {
    const kept = this.kept.get(peer.key);
    if (kept === undefined) return;
    const stayed = this.parts.clock.now() - peer.since > STAYED_MS;
    kept.delay = stayed ? BACKOFF_MS.first : Math.min(kept.delay * 2, BACKOFF_MS.most);
    this.comeBack(kept);
  }

  private comeBack(kept: Kept): void {
    // Spread, so that two peers that lost each other do not dial at the same moment for ever.
    const spread = (this.parts.entropy.bytes(1)[0] ?? 0) / 256;
    this.retry(hex(kept.id), kept.delay * (0.75 + spread / 2));
  }

  private retry(key: string, delay: number): void {
    const kept = this.kept.get(key);
    if (kept === undefined || this.stopping.signal.aborted || kept.addresses.length === 0) return;
    kept.cancel();
    kept.cancel = this.parts.clock.after(delay, () => void this.tryAll(key, kept));
  }

  private async tryAll(key: string, kept: Kept): Promise<void> {
    for (const address of kept.addresses) {
      if (this.connected.has(key) || this.kept.get(key) !== kept) return;
      try {
        await this.connect(kept.id, address);
        return;
      } catch (error) {
        this.parts.log.debug({ peer: key.slice(0, 16), reason: reason(error) }, 'not reached; will be tried again');
      }
    }
    kept.delay = Math.min(kept.delay * 2, BACKOFF_MS.most);
    this.comeBack(kept);
  }

  /** Ends everything; nothing is dialled or accepted any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.listener?.close();
    for (const kept of this.kept.values()) kept.cancel();
    this.kept.clear();
    const open = [...this.connected.values()];
    for (const peer of open) peer.close('this node is stopping');
    await Promise.all(open.map((peer) => peer.flushed()));
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
