/** `getinfo`: who the node is and how it stands. `api` is ours, the rest is Core Lightning's. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { announcedFeatures, ourFeatures } from '../../../../wire/features.ts';
import { version } from '../../../base/version.ts';
import { coreOf } from '../../../channels/entry.ts';
import { shortageOf } from '../../../channels/reserve.ts';
import type { Node, ProcessControl } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as field from '../../results.ts';
import { isActive, stateName } from '../channels/statenames.ts';

const announced = z.object({
  type: z.enum(['dns', 'ipv4', 'ipv6', 'torv2', 'torv3']),
  address: field.text,
  port: field.u32,
});

const bound = z.object({
  type: z.enum(['local socket', 'ipv4', 'ipv6']),
  socket: field.text.optional(),
  address: field.text.optional(),
  port: field.u32.optional(),
});

const params = z.strictObject({});

const result = z.object({
  id: field.nodeId,
  alias: field.text,
  color: field.hexText,
  num_peers: field.u32,
  num_pending_channels: field.u32,
  num_active_channels: field.u32,
  num_inactive_channels: field.u32,
  address: z.array(announced),
  /** Where the node really listens: a port 0 asked for is the port it got. */
  binding: z.array(bound),
  version: field.text,
  blockheight: field.u32,
  network: field.text,
  fees_collected_msat: field.amountMsat,
  'lightning-dir': field.text,
  our_features: z
    .object({ init: field.hexText, node: field.hexText, channel: field.hexText, invoice: field.hexText })
    .optional(),
  /** While the node comes up, what it is at; most other methods are refused meanwhile. */
  warning_starting: field.text.optional(),
  warning_bitcoind_sync: field.text.optional(),
  warning_lightningd_sync: field.text.optional(),
  /** Outputs of channels on chain that cannot be claimed for want of coins in the wallet. */
  warning_claims: field.text.optional(),
  /** Coins of the wallet do not suffice for claims that channels with anchors may need. */
  warning_anchor_reserve: field.text.optional(),
  /** The backup of the channels could not be written: what is not in it is lost with the disk. */
  warning_backup: field.text.optional(),
  /** Little room is left for the store. */
  warning_disk: field.text.optional(),
  /** Where HTTP and WebSocket calls are taken. */
  api: z.object({ address: field.text, port: field.u32, token_file: field.text }).optional(),
});

type Result = z.output<typeof result>;

type Binding = Result['binding'][number];

const ipKind = (host: string) => (host.includes(':') ? ('ipv6' as const) : ('ipv4' as const));

/** What it needs of a node. */
type Parts = Pick<
  Node,
  | 'alias'
  | 'backups'
  | 'channels'
  | 'color'
  | 'config'
  | 'disk'
  | 'feesCollected'
  | 'follower'
  | 'chainTip'
  | 'keys'
  | 'network'
  | 'onchain'
  | 'outage'
  | 'peers'
  | 'progress'
  | 'wallet'
> &
  Pick<ProcessControl, 'api'>;

export const getinfo = method({
  doc: 'Who this node is, where it listens and how far it has followed the chain.',
  example: [],
  params,
  result,
  handler: async (node: Parts): Promise<Result> => {
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
    const at = node.api();
    const wanting = node.onchain.missingForClaims();
    // For the next call: a disk that hangs holds up no answer.
    void node.disk.check();
    const shortage = shortageOf(config.reserve, channels.entries.values(), node.wallet);
    const outage = node.outage.warning();
    const glimpse = await node.chainTip();
    const tip = 'tip' in glimpse ? glimpse.tip : undefined;
    const troubles = [
      'why' in glimpse
        ? `${glimpse.why}. Shown is what the node knew last; it goes on by itself once bitcoind answers`
        : follower.problem,
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
        node: hex(announcedFeatures({ keysend: config.amp.spontaneous })),
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
});
