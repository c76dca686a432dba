/** Where experiments hook into a node: `Hooks` are set by node/dev with --dev alone, `Experiments` by a program that embeds a node. */
import type { OwnProtocol } from '../../amp/payload.ts';
import type { Scheme } from '../../amp/scheme.ts';
import type { Strategy } from '../../amp/strategy.ts';
import type { ChannelSecrets } from '../../channel/tx/keys.ts';
import type { SecretKey } from '../../wire/units.ts';
import type { StepRecorder } from '../base/recording.ts';
import type { ChannelEventHandler } from '../channels/hostparts.ts';
import type { FinalNoteHandler, ForwardNoteHandler } from '../forward/forwardnotes.ts';
import type { SecureStream } from '../peer/noisestream.ts';

export interface Hooks {
  /** Every connection once its handshake is over. */
  readonly wrapStream?: (stream: SecureStream) => SecureStream;
  /** Every event on its way from a channel to the rest of the node. */
  readonly channelEvents?: (next: ChannelEventHandler) => ChannelEventHandler;
  /** Records each step of channels and payments. */
  readonly recorder?: StepRecorder | undefined;
  /** Instead of the seed's file. */
  readonly seed?: Uint8Array | undefined;
  /** Instead of the node's key from the seed. */
  readonly identity?: SecretKey | undefined;
  /** Of channels that begin from now on. */
  readonly channelSecrets?: ChannelSecrets | undefined;
}

/** What a program that runs a node adds to it. */
export interface Experiments {
  /** EOB protocols by their numbers, 1..15: what the node reads of them, and adds of them to its own payments. */
  readonly protocols?: ReadonlyMap<number, OwnProtocol>;
  /** Asked about each HTLC to be forwarded whose blobs a protocol of `protocols` read. */
  readonly onForwardNote?: ForwardNoteHandler;
  /** Told of blobs that such a protocol read at the destination. */
  readonly onFinalNote?: FinalNoteHandler;
  /** Share schemes for AMPs. */
  readonly schemes?: readonly Scheme[];
  /** Strategies to cut amounts by. */
  readonly strategies?: readonly Strategy[];
}
