/** Where an experiment may put itself between the parts of a node: see node/dev. A node without --dev has none of these. */
import type { ChannelEvent } from '../../channel/model/io.ts';
import type { ChannelSecrets } from '../../channel/tx/keys.ts';
import type { SecretKey } from '../../wire/units.ts';
import type { Entry } from '../channels/entry.ts';
import type { SecureStream } from '../peer/noisestream.ts';

/** Who is told of a channel's event. */
export type ChannelEventHandler = (entry: Entry, event: ChannelEvent) => void;

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
