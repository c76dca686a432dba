/**
 * One node put together: identity, chain, payments, and their subscriptions to each other. Nothing here decides anything about money.
 */
import { cleanUpOnError } from '../base/cleanup.ts';
import { networkOf } from '../ports/network.ts';
import { afterBlock } from './afterblock.ts';
import { Chains } from './chains.ts';
import { type ChainServices, openChain } from './chainservices.ts';
import { channelEvents } from './channelevents.ts';
import { eobProtocols } from './eobprotocols.ts';
import { type Identity, openIdentity } from './identity.ts';
import { lifecycleOf } from './lifecycle.ts';
import { openPaymentServices, type PaymentServices } from './paymentservices.ts';
import type { Node, NodeOptions } from './running.ts';

export type { Node, NodeOptions } from './running.ts';

/** Subscribes payments, and the rest of the chain's parts, to events of channels and blocks. */
const subscribe = (identity: Identity, chain: ChainServices, payments: PaymentServices): void => {
  const { fatal, gate, onInternalError } = identity;
  chain.channelHost.subscribe(channelEvents({ ...chain, htlcSwitch: payments.htlcSwitch, fatal }));
  chain.channelHost.onRoomFreed((htlcs) => payments.payments.roomFreed(htlcs));
  chain.follower.onBlock(afterBlock({ ...chain, ...payments, gate, onInternalError }));
  chain.follower.onSynced(() => payments.htlcSwitch.onHeightKnown());
};

/**
 * Reads a node's records and makes its parts. Until `begin` it requests nothing of the chain and connects to no peer, but answers
 * `getinfo`. Throws DatadirError, StoreError, WalletError, FileError, and ConfigError for experiments that cannot be.
 */
export const openNode = async (options: NodeOptions): Promise<Node> => {
  const { config, ports, experiments = {} } = options;
  const eob = eobProtocols(experiments);
  const chains = new Chains();
  const identity = await openIdentity(options, chains);
  const chain = await openChain(identity, {
    network: networkOf(config.network),
    chain: ports.chain,
    where: `${config.bitcoind.host}:${config.bitcoind.port}`,
  });
  chains.add(chain);
  const payments = await openPaymentServices({ identity, chain, eob, experiments });
  subscribe(identity, chain, payments);
  return {
    ...{ ...identity, ...chain, ...payments },
    ports: { ...identity.ports, chain: chain.chainWithTimeouts },
    ...lifecycleOf({ identity, chain, payments }),
  };
};

/**
 * Starts a node; resolves when it listens and follows its chain. Where the start fails, the node is stopped before this rejects.
 * Throws StoreError, ChainError, WalletError, ListenError, ConfigError.
 */
export const startNode = async (options: NodeOptions): Promise<Node> => {
  const node = await openNode(options);
  await cleanUpOnError(node.begin(), node.stop);
  return node;
};
