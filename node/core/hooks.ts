/** Where experiments hook into a node: `Hooks` are set by node/dev with --dev alone, `Experiments` by a program that embeds a node. */
import type { OwnProtocol } from '../../amp/payload.ts';
import type { Scheme } from '../../amp/scheme.ts';
import type { Strategy } from '../../amp/strategy.ts';
import type { ChannelSecrets } from '../../channel/tx/keys.ts';
import type { SecretKey } from '../../wire/units.ts';
import type { ChannelEventHandler } from '../channels/hostparts.ts';
import type { ForwardNote } from '../forward/htlcswitchparts.ts';
import type { SecureStream } from '../peer/noisestream.ts';

export interface Hooks {
  /** Every connection once its handshake is over. */
  readonly wrapStream?: (stream: SecureStream) => SecureStream;
  /** Every event on its way from a channel to the rest of the node. */
  readonly channelEvents?: (next: ChannelEventHandler) => ChannelEventHandler;
  /** Instead of the seed's file. */
  readonly seed?: Uint8Array | undefined;
  /** Instead of the node's key from the seed. */
  readonly identity?: SecretKey | undefined;
  /** Of channels that begin from now on. */
  readonly channelSecrets?: ChannelSecrets | undefined;
}

/**
 * Further EOB protocols that the node reads, a callback for what a forwarder's handler made of them, further share schemes, and
 * further strategies to cut amounts by.
 */
export interface Experiments {
  readonly protocols?: ReadonlyMap<number, OwnProtocol>;
  readonly onForwardNote?: (note: ForwardNote) => void;
  readonly schemes?: readonly Scheme[];
  readonly strategies?: readonly Strategy[];
}
