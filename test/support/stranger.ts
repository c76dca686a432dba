/** Somebody with a key of his own who opens channels to a node by hand, with fundings that he makes up. */

import { firstSpec } from '../../channel/model/core.ts';
import type { OpenRequest } from '../../channel/model/io.ts';
import type { AwaitingFunding } from '../../channel/model/state.ts';
import { fundingScriptOf } from '../../channel/phases/opening.ts';
import { openChannel, transition } from '../../channel/phases/transition.ts';
import { commitmentOf, remoteKeys } from '../../channel/rules/commitmentupdates.ts';
import type { Outpoint } from '../../channel/tx/funding.ts';
import { channelSecrets, deriveSecret } from '../../channel/tx/keys.ts';
import { signCommitment } from '../../channel/tx/signing.ts';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { channelFeatures } from '../../node/channels/features.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { Peers } from '../../node/peer/peers.ts';
import { tcpTransport } from '../../node/peer/tcp.ts';
import { equal, text } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { isSecretKey, pointOf, sha256 } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import type { Message, MessageOf } from '../../wire/message.ts';
import { channelId, msat, type Point, point, sat, secretKey, shortChannelId } from '../../wire/units.ts';
import { eventually, memoryLog } from './peers.ts';

/** A channel that the node has accepted and that has no funding yet. */
export interface Accepted {
  /** What the funding output has to pay to. */
  readonly script: Uint8Array;
  /** Says which output that is, and whether the node took it: `signed`, or its error's text. */
  fund(outpoint: Outpoint): Promise<string>;
}

export interface Stranger {
  readonly id: Point;
  readonly peer: Peer;
  readonly heard: readonly Message[];
  /** Proposes a channel; the node's error where it refuses. */
  open(change?: Partial<OpenRequest>): Promise<Accepted | string>;
  /** What it proposes a channel with, not said. */
  proposal(): MessageOf<'open_channel'>;
  leave(): Promise<void>;
}

const context = {
  ...{ height: 0, feerate: 1000, highestFeerate: 1000, neededFeerate: 0, steadyFeerate: 0 },
  ...{ minFeerate: 253, maxFeerate: 100_000, relayFeerate: 253, lowestRelayFeerate: 253 },
};

/** Connects as somebody whose key is made of this number. */
export const stranger = async (n: number, node: { readonly id: Point; readonly port: number }): Promise<Stranger> => {
  const key = sha256(Uint8Array.of(n >> 8, n & 0xff));
  if (!isSecretKey(key)) throw new Error('no key');
  const heard: Message[] = [];
  const peers = new Peers({
    key: secretKey(key),
    features: ourFeatures('I'),
    chainHash: chainHashOf.regtest,
    transport: tcpTransport(),
    clock: systemClock,
    entropy: systemEntropy,
    log: memoryLog(),
    handlers: {
      ready: () => undefined,
      message: (_, message) => void heard.push(message),
      closed: () => undefined,
    },
  });
  const peer = await peers.connect(node.id, { host: '127.0.0.1', port: node.port });

  const answer = (id: Uint8Array, name: Message['name']): Promise<Message> =>
    eventually(() =>
      heard.find(
        (m) =>
          (m.name === 'error' && equal(m.channel_id, id)) ||
          (m.name === name && 'temporary_channel_id' in m && equal(m.temporary_channel_id, id)) ||
          (m.name === name && 'channel_id' in m && equal(m.channel_id, id)),
      ),
    );

  const fund = async ({ params, remotePoint }: AwaitingFunding, funding: Outpoint): Promise<string> => {
    const secrets = channelSecrets(params.seed);
    const keys = remoteKeys({ params }, remotePoint);
    const first = commitmentOf({ params, funding }, 'remote', 0, keys, firstSpec(params));
    const htlc = deriveSecret(secrets.htlc, remotePoint);
    const { signature } = signCommitment(first, { funding: secrets.funding, htlc });
    const before = heard.length;
    peer.send({
      name: 'funding_created',
      temporary_channel_id: params.temporaryChannelId,
      funding_txid: funding.txid,
      funding_output_index: funding.index,
      signature,
    });
    const said = await eventually(() =>
      heard.slice(before).find(({ name }) => name === 'funding_signed' || name === 'error'),
    );
    return said.name === 'error' ? text(said.data) : 'signed';
  };

  const begin = (change: Partial<OpenRequest>) => {
    const id = channelId(systemEntropy.bytes(32));
    const request: OpenRequest = {
      key: 'stranger',
      seed: systemEntropy.bytes(32),
      peer: point(node.id),
      chainHash: chainHashOf.regtest,
      features: channelFeatures(peer),
      limits: {
        dustLimit: sat(354n),
        maxHtlcValueInFlight: msat(100_000_000n),
        htlcMinimum: msat(1n),
        toSelfDelay: 144,
        maxAcceptedHtlcs: 30,
        minimumDepth: 1,
      },
      shutdownScript: Uint8Array.of(0, 20, ...new Uint8Array(20)),
      upfront: false,
      alias: shortChannelId(1n),
      temporaryChannelId: id,
      amount: sat(100_000n),
      push: msat(0n),
      feerate: 1000,
      fundingFeerate: 1000,
      announce: false,
      ...change,
    };
    const [state, effects] = openChannel(request, context);
    return [state, effects, id] as const;
  };

  return {
    id: pointOf(secretKey(key)),
    peer,
    heard,
    proposal: () => {
      const [, effects] = begin({});
      const [first] = effects.flatMap((effect) => (effect.do === 'send' ? [effect.message] : []));
      if (first?.name !== 'open_channel') throw new Error('no proposal');
      return first;
    },
    open: async (change = {}) => {
      const [state, effects, id] = begin(change);
      for (const effect of effects) if (effect.do === 'send') peer.send(effect.message);
      const said = await answer(id, 'accept_channel');
      if (said.name === 'error') return text(said.data);
      if (said.name !== 'accept_channel') throw new Error(`${said.name} is no answer`);
      const [next] = transition(state, { type: 'message', message: said }, context);
      if (next.phase !== 'awaiting_funding') throw new Error(`the stranger is in phase ${next.phase}`);
      return { script: fundingScriptOf(next.params), fund: (outpoint) => fund(next, outpoint) };
    },
    leave: () => peers.stop(),
  };
};
