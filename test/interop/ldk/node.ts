/**
 * A whole LDK node, kept in memory. The bindings hold what is made with `new_impl` only weakly, so everything LDK may call
 * is a field here, and lives as long as the node.
 */
import * as ldk from 'lightningdevkit';
import type { Blocks } from './blocks.ts';
import type { StartOptions } from './calls.ts';
import { Purse } from './purse.ts';
import { channelIdOf, good, nameIn } from './values.ts';

/** sat per 1,000 weight for each purpose, but for commitments, whose feerate a test can change. */
const feerates: Readonly<Partial<Record<ldk.ConfirmationTarget, number>>> = {
  [ldk.ConfirmationTarget.LDKConfirmationTarget_MaximumFeeEstimate]: 50_000,
  [ldk.ConfirmationTarget.LDKConfirmationTarget_MinAllowedAnchorChannelRemoteFee]: 253,
  [ldk.ConfirmationTarget.LDKConfirmationTarget_MinAllowedNonAnchorChannelRemoteFee]: 253,
  [ldk.ConfirmationTarget.LDKConfirmationTarget_ChannelCloseMinimum]: 253,
  [ldk.ConfirmationTarget.LDKConfirmationTarget_OutputSpendingFee]: 1000,
  [ldk.ConfirmationTarget.LDKConfirmationTarget_UrgentOnChainSweep]: 5000,
};

/** Sub-objects of a configuration are copies: changed, they have to be set again. */
const configOf = ({ anchors, depth, scidPrivacy }: StartOptions, announce: boolean): ldk.UserConfig => {
  const config = ldk.UserConfig.constructor_default();
  const handshake = config.get_channel_handshake_config();
  handshake.set_minimum_depth(depth);
  handshake.set_announce_for_forwarding(announce);
  handshake.set_negotiate_anchors_zero_fee_htlc_tx(anchors);
  handshake.set_negotiate_scid_privacy(scidPrivacy);
  config.set_channel_handshake_config(handshake);
  const limits = config.get_channel_handshake_limits();
  limits.set_force_announced_channel_preference(false);
  config.set_channel_handshake_limits(limits);
  config.set_manually_accept_inbound_channels(true);
  config.set_accept_forwards_to_priv_channels(true);
  return config;
};

/** A store for what is not to outlive the process. */
const nothingKept = (): ldk.KVStore => {
  const ok = () => ldk.Result_NoneIOErrorZ.constructor_ok();
  const nothing = ldk.IOError.LDKIOError_NotFound;
  return ldk.KVStore.new_impl({
    read: () => ldk.Result_CVec_u8ZIOErrorZ.constructor_err(nothing),
    write: ok,
    remove: ok,
    list: () => ldk.Result_CVec_StrZIOErrorZ.constructor_ok([]),
  });
};

const done = ldk.ChannelMonitorUpdateStatus.LDKChannelMonitorUpdateStatus_Completed;

export interface Outside {
  readonly blocks: Blocks;
  /** Takes transactions LDK wants on the chain. */
  broadcast(txs: readonly Uint8Array[]): void;
  /** Takes a line of LDK's log. */
  log(line: string): void;
}

export class LdkNode {
  /**
   * What it takes for the feerate of commitments, sat per 1,000 weight: what bitcoind estimates here once our nodes have paid that for
   * a while. Less than half of it, and channels without anchors carry nothing.
   */
  feerate = 2500;
  private readonly options: StartOptions;
  /** Whether what LDK would store of its channels is kept: the latest of each, by channel id. */
  keeping = false;
  readonly kept = new Map<string, Uint8Array>();
  readonly logger: ldk.Logger;
  readonly fees: ldk.FeeEstimator;
  readonly broadcaster: ldk.BroadcasterInterface;
  readonly keys: ldk.KeysManager;
  readonly channels: ldk.ChannelManager;
  readonly monitors: ldk.ChainMonitor;
  readonly graph: ldk.NetworkGraph;
  readonly peers: ldk.PeerManager;
  readonly purse: Purse;
  /** Sweeps what channels leave on the chain into the purse, and tries again with each block until it is there. */
  readonly sweeper: ldk.OutputSweeper;
  /** Pays for the transactions of anchor channels from the purse. */
  readonly bumper: ldk.BumpTransactionEventHandler;
  /** Kept from being collected, nothing else. */
  readonly held: object[];
  private readonly events: ldk.Event[] = [];
  private readonly handler = ldk.EventHandler.new_impl({
    handle_event: (event) => {
      this.events.push(event);
      return ldk.Result_NoneReplayEventZ.constructor_ok();
    },
  });

  constructor(options: StartOptions, { blocks, broadcast, log }: Outside) {
    this.options = options;
    const now = Math.floor(Date.now() / 1000);
    this.logger = ldk.Logger.new_impl({
      log: (record) => {
        const level = record.get_level();
        if (level < ldk.Level.LDKLevel_Debug) return;
        log(`${nameIn(ldk.Level, level)} ${record.get_module_path()}:${record.get_line()} ${record.get_args()}`);
      },
    });
    this.fees = ldk.FeeEstimator.new_impl({
      get_est_sat_per_1000_weight: (target) => feerates[target] ?? this.feerate,
    });
    this.broadcaster = ldk.BroadcasterInterface.new_impl({ broadcast_transactions: broadcast });
    const { logger, fees, broadcaster } = this;
    const persister = ldk.Persist.new_impl({
      persist_new_channel: () => done,
      update_persisted_channel: (_outpoint, _update, monitor) => {
        if (this.keeping) this.kept.set(channelIdOf(monitor.channel_id()), monitor.write());
        return done;
      },
      archive_persisted_channel: () => undefined,
    });
    const noFilter = () => ldk.Option_FilterZ.constructor_none();
    const network = ldk.Network.LDKNetwork_Regtest;
    this.keys = ldk.KeysManager.constructor_new(options.seed, BigInt(now), 0);
    const entropy = this.keys.as_EntropySource();
    const signer = this.keys.as_NodeSigner();
    this.monitors = ldk.ChainMonitor.constructor_new(noFilter(), broadcaster, logger, fees, persister);
    this.graph = ldk.NetworkGraph.constructor_new(network, logger);
    const decay = ldk.ProbabilisticScoringDecayParameters.constructor_default();
    const scorer = ldk.ProbabilisticScorer.constructor_new(decay, this.graph, logger);
    const score = ldk.MultiThreadedLockableScore.constructor_new(scorer.as_Score());
    const scoring = ldk.ProbabilisticScoringFeeParameters.constructor_default();
    const lockable = score.as_LockableScore();
    const router = ldk.DefaultRouter.constructor_new(this.graph, logger, entropy, lockable, scoring);
    const messageRouter = ldk.DefaultMessageRouter.constructor_new(this.graph, entropy);
    const best = ldk.BestBlock.constructor_new(blocks.birth.hash, blocks.birth.height);
    this.channels = ldk.ChannelManager.constructor_new(
      fees,
      this.monitors.as_Watch(),
      broadcaster,
      router.as_Router(),
      messageRouter.as_MessageRouter(),
      logger,
      entropy,
      signer,
      this.keys.as_SignerProvider(),
      configOf(options, true),
      ldk.ChainParameters.constructor_new(network, best),
      now,
    );
    const gossip = ldk.P2PGossipSync.constructor_new(this.graph, ldk.Option_UtxoLookupZ.constructor_none(), logger);
    const ignoring = ldk.IgnoringMessageHandler.constructor_new();
    this.peers = ldk.PeerManager.constructor_new(
      this.channels.as_ChannelMessageHandler(),
      gossip.as_RoutingMessageHandler(),
      ignoring.as_OnionMessageHandler(),
      ignoring.as_CustomMessageHandler(),
      now,
      entropy.get_secure_random_bytes(),
      logger,
      signer,
    );
    this.purse = new Purse(options.seed);
    const wallet = ldk.Wallet.constructor_new(this.purse.asWalletSource(), logger);
    const coins = wallet.as_CoinSelectionSource();
    const signers = this.keys.as_SignerProvider();
    this.bumper = ldk.BumpTransactionEventHandler.constructor_new(broadcaster, coins, signers, logger);
    const [spender, destination] = [this.keys.as_OutputSpender(), this.purse.asDestination()];
    const kept = nothingKept();
    this.sweeper = ldk.OutputSweeper.constructor_new(
      best,
      broadcaster,
      fees,
      noFilter(),
      spender,
      destination,
      kept,
      logger,
    );
    this.held = [persister, scorer, score, router, messageRouter, gossip, ignoring];
    this.held.push(wallet, coins, signers, spender, destination, kept);
    // The purse first: what a block pays it is there when LDK asks on hearing of the block.
    blocks.listen([this.purse, this.channels.as_Listen(), this.monitors.as_Listen(), this.sweeper.as_Listen()]);
  }

  /** Begins to open a channel and gives its id for now. */
  open(peer: Uint8Array, sat: bigint, pushMsat: bigint, announce: boolean): ldk.ChannelId {
    const config = configOf(this.options, announce);
    return good('open', this.channels.create_channel(peer, sat, pushMsat, 0n, null, config));
  }

  /** Gives what has happened since the last call. */
  takeEvents(): readonly ldk.Event[] {
    this.channels.as_EventsProvider().process_pending_events(this.handler);
    this.monitors.as_EventsProvider().process_pending_events(this.handler);
    return this.events.splice(0);
  }

  /** Outputs LDK can spend whose sweep is not in a block yet. */
  unswept(): readonly ldk.SpendableOutputDescriptor[] {
    return this.sweeper
      .tracked_spendable_outputs()
      .filter((one) => !(one.get_status() instanceof ldk.OutputSpendStatus_PendingThresholdConfirmations))
      .map((one) => one.get_descriptor());
  }
}
