/** Methods about the node itself and its coins. */

import { hex } from '../../../wire/bytes.ts';
import { ourFeatures } from '../../../wire/features.ts';
import { msat, scidText, toMsat } from '../../../wire/units.ts';
import { displayedTxid } from '../../base/txids.ts';
import { version } from '../../base/version.ts';
import { coreOf } from '../../channels/entry.ts';
import { isDoubleSpent } from '../../channels/fundingnotices.ts';
import { shortageOf } from '../../channels/reserve.ts';
import { balancesOf } from '../../channels/views.ts';
import type { Node } from '../../core/node.ts';
import type { ProcessControl } from '../../core/running.ts';
import type { Handlers, Result } from '../table.ts';
import { isActive, stateName } from './states.ts';

type Binding = Result<'getinfo'>['binding'][number];

const ipKind = (host: string) => (host.includes(':') ? ('ipv6' as const) : ('ipv4' as const));

/** The method `stop`: what ends the node is run after the answer, for the socket is closed with the node. */
export const stopping =
  (stop: () => void): Handlers['stop'] =>
  async () => {
    setImmediate(stop);
    return { result: 'Shutdown complete' };
  };

export const infoHandlers = (
  node: Node,
  { api, stop }: ProcessControl,
): Pick<Handlers, 'getinfo' | 'newaddr' | 'listfunds' | 'notifications' | 'stop'> => ({
  getinfo: async () => {
    const { config, peers, channels, follower, keys, network } = node;
    const states = [...channels.entries.values()].map(({ machine }) => machine.state);
    // Of one moment with where it listens: it may come up while the chain is asked below.
    const starting = node.progress.now;
    const listening = peers.address;
    const binding: Binding[] = [
      ...(listening === undefined
        ? []
        : [{ type: ipKind(listening.host), address: listening.host, port: listening.port }]),
      { type: 'local socket', socket: config.socket },
    ];
    const at = api();
    const wanting = node.onchain.missingForClaims();
    // For the next call: a disk that hangs holds up no answer.
    void node.disk.look();
    const shortage = shortageOf(config.reserve, channels.entries.values(), node.wallet);
    const outage = node.outage.warning();
    const glimpse = await node.chainTip();
    const tip = 'tip' in glimpse ? glimpse.tip : undefined;
    const troubles = [
      'why' in glimpse
        ? `${glimpse.why}. Shown is what the node knew last; it goes on by itself once bitcoind answers`
        : follower.trouble,
      tip?.isBehind === true ? 'bitcoind has not got all blocks yet: HTLCs wait or go back' : undefined,
      outage,
    ].filter((one) => one !== undefined);
    return {
      id: hex(keys.nodeId),
      alias: node.alias,
      color: node.color,
      num_peers: [...peers.all].length,
      num_pending_channels: states.filter((state) => stateName(state) === 'CHANNELD_AWAITING_LOCKIN').length,
      num_active_channels: states.filter(isActive).length,
      num_inactive_channels: states.filter(
        (state) =>
          coreOf(state) !== undefined &&
          state.phase !== 'closed' &&
          !isActive(state) &&
          stateName(state) !== 'CHANNELD_AWAITING_LOCKIN',
      ).length,
      address: config.announce.map(({ host, port }) => ({
        type: /[a-z]/i.test(host) && !host.includes(':') ? 'dns' : ipKind(host),
        address: host,
        port,
      })),
      binding,
      version,
      blockheight: follower.height,
      network: network.name,
      fees_collected_msat: node.feesCollected(),
      'lightning-dir': config.networkDir,
      our_features: {
        init: hex(ourFeatures('I')),
        node: hex(ourFeatures('N')),
        channel: hex(ourFeatures('C')),
        invoice: hex(ourFeatures('9')),
      },
      ...(starting !== undefined && { warning_starting: `the node is starting: it ${starting}` }),
      ...(troubles.length > 0 && { warning_bitcoind_sync: troubles.join('; ') }),
      ...(tip !== undefined &&
        tip.height > follower.height && {
          warning_lightningd_sync: `still reading blocks: ${follower.height} of ${tip.height}`,
        }),
      ...(wanting !== undefined && {
        warning_claims: `claims on chain wait for coins: send at least ${wanting} sat to an address of this node (newaddr)`,
      }),
      ...(shortage !== undefined && { warning_anchor_reserve: shortage }),
      ...(node.backups.warning !== undefined && { warning_backup: node.backups.warning }),
      ...(node.disk.warning !== undefined && { warning_disk: node.disk.warning }),
      ...(at && { api: { address: at.host, port: at.port, token_file: config.tokenFile } }),
    };
  },
  notifications: async () => ({}),
  newaddr: async () => ({ bech32: (await node.wallet.newAddress()).address }),
  listfunds: async ({ spent }) => {
    const { wallet, channels, peers } = node;
    return {
      outputs: wallet
        .funds()
        .filter((fund) => spent || fund.status !== 'spent')
        .map((fund) => {
          const { script, address } = wallet.describe(fund.path);
          return {
            txid: displayedTxid(fund.txid),
            output: fund.vout,
            amount_msat: toMsat(fund.amount),
            scriptpubkey: hex(script),
            address,
            status: fund.status,
            reserved: fund.reserved !== undefined,
            ...(fund.height !== undefined && { blockheight: fund.height }),
          };
        }),
      channels: [...channels.entries.values()].flatMap((entry) => {
        const { state } = entry.machine;
        const core = coreOf(state);
        if (core === undefined || state.phase === 'closed') return [];
        const { scid } = core.lockin;
        return [
          {
            peer_id: hex(core.params.peer),
            our_amount_msat: isDoubleSpent(entry, node.wallet) ? msat(0n) : balancesOf(core).toUs,
            amount_msat: toMsat(core.params.capacity),
            funding_txid: displayedTxid(core.funding.txid),
            funding_output: core.funding.index,
            connected: peers.get(core.params.peer) !== undefined,
            state: stateName(state),
            channel_id: hex(core.channelId),
            ...(scid !== undefined && { short_channel_id: scidText(scid) }),
          },
        ];
      }),
    };
  },
  stop: stopping(stop),
});
