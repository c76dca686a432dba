/**
 * TCP for LDK's PeerManager. LDK reads and writes through a descriptor made here; it learns of bytes, of room to write
 * after a full buffer, and of the end of the connection.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import * as ldk from 'lightningdevkit';
import { hex } from '../../../wire/bytes.ts';
import { good } from './values.ts';

const host = '127.0.0.1';

export class Sockets {
  private readonly peers: ldk.PeerManager;
  /** To be called after anything that may have given LDK something to do. */
  private readonly stir: () => void;
  private readonly server: Server;
  /** The bindings hold descriptors weakly and look them up by number: they stay until the process ends. */
  private readonly descriptors: ldk.SocketDescriptor[] = [];

  constructor(peers: ldk.PeerManager, stir: () => void) {
    this.peers = peers;
    this.stir = stir;
    this.server = createServer((socket) => {
      const descriptor = this.attach(socket);
      const none = ldk.Option_SocketAddressZ.constructor_none();
      if (!peers.new_inbound_connection(descriptor, none).is_ok()) socket.destroy();
    });
  }

  /** Listens on a free port and gives its number. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject).listen(0, host, () => {
        const address = this.server.address();
        resolve(address !== null && typeof address === 'object' ? address.port : 0);
      });
    });
  }

  /** Connects and resolves once the peer's init has come. Throws Error when the connection ends before. */
  async connect(id: Uint8Array, where: { readonly host: string; readonly port: number }): Promise<void> {
    const socket = connect(where.port, where.host);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const descriptor = this.attach(socket);
    const none = ldk.Option_SocketAddressZ.constructor_none();
    socket.write(good<Uint8Array>('connect', this.peers.new_outbound_connection(id, descriptor, none)));
    while (!this.connected().includes(hex(id))) {
      if (socket.destroyed) throw new Error(`${hex(id)} was disconnected before both had sent init`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Nodes whose init has come. */
  connected(): readonly string[] {
    return this.peers.list_peers().map((peer) => hex(peer.get_counterparty_node_id()));
  }

  private attach(socket: Socket): ldk.SocketDescriptor {
    const number = BigInt(this.descriptors.length);
    const descriptor = ldk.SocketDescriptor.new_impl({
      // What a full socket is given it keeps in memory, so it takes all, and then nothing until it is empty again.
      send_data: (data, resumeRead) => {
        if (resumeRead) socket.resume();
        if (socket.destroyed || socket.writableNeedDrain) return 0;
        socket.write(data);
        return data.length;
      },
      disconnect_socket: () => void socket.destroy(),
      eq: (other) => other.hash() === number,
      hash: () => number,
    });
    this.descriptors.push(descriptor);
    socket.setNoDelay(true);
    socket.on('data', (data) => {
      const read = this.peers.read_event(descriptor, data);
      if (!read.is_ok()) socket.destroy();
      else if (Reflect.get(read, 'res')) socket.pause();
      this.stir();
    });
    socket.on('drain', () => {
      if (!this.peers.write_buffer_space_avail(descriptor).is_ok()) socket.destroy();
      this.stir();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.peers.socket_disconnected(descriptor);
      this.stir();
    });
    return descriptor;
  }
}
