/** Methods about the node itself and its coins. Names, fields and units are Core Lightning's; `api` in getinfo is ours. */
import { z } from 'zod';
import { methods } from '../method.ts';
import * as given from '../params.ts';
import * as shown from '../results.ts';

/** Core Lightning's names for where a channel stands. */
export const channelStates = [
  'OPENINGD',
  'CHANNELD_AWAITING_LOCKIN',
  'CHANNELD_NORMAL',
  'CHANNELD_SHUTTING_DOWN',
  'CLOSINGD_SIGEXCHANGE',
  'CLOSINGD_COMPLETE',
  'AWAITING_UNILATERAL',
  'FUNDING_SPEND_SEEN',
  'ONCHAIN',
] as const;

const announced = z.object({
  type: z.enum(['dns', 'ipv4', 'ipv6', 'torv2', 'torv3']),
  address: shown.text,
  port: shown.u32,
});
const bound = z.object({
  type: z.enum(['local socket', 'ipv4', 'ipv6']),
  socket: shown.text.optional(),
  address: shown.text.optional(),
  port: shown.u32.optional(),
});

const output = z.object({
  txid: shown.txid,
  output: shown.u32,
  amount_msat: shown.amountMsat,
  scriptpubkey: shown.hexText,
  address: shown.text.optional(),
  status: z.enum(['unconfirmed', 'confirmed', 'spent', 'immature']),
  reserved: shown.flag,
  blockheight: shown.u32.optional(),
  reserved_to_block: shown.u32.optional(),
});
const fundsChannel = z.object({
  peer_id: shown.nodeId,
  our_amount_msat: shown.amountMsat,
  amount_msat: shown.amountMsat,
  funding_txid: shown.txid,
  funding_output: shown.u32,
  connected: shown.flag,
  state: z.enum(channelStates),
  channel_id: shown.hash.optional(),
  short_channel_id: shown.scid.optional(),
});

export const nodeMethods = methods({
  getinfo: {
    doc: 'Who this node is, where it listens and how far it has followed the chain.',
    params: z.strictObject({}),
    result: z.object({
      id: shown.nodeId,
      alias: shown.text,
      color: shown.hexText,
      num_peers: shown.u32,
      num_pending_channels: shown.u32,
      num_active_channels: shown.u32,
      num_inactive_channels: shown.u32,
      address: z.array(announced),
      /** Where the node really listens: a port 0 asked for is the port it got. */
      binding: z.array(bound),
      version: shown.text,
      blockheight: shown.u32,
      network: shown.text,
      fees_collected_msat: shown.amountMsat,
      'lightning-dir': shown.text,
      our_features: z
        .object({ init: shown.hexText, node: shown.hexText, channel: shown.hexText, invoice: shown.hexText })
        .optional(),
      /** While the node comes up, what it is at; most other methods are refused meanwhile. */
      warning_starting: shown.text.optional(),
      warning_bitcoind_sync: shown.text.optional(),
      warning_lightningd_sync: shown.text.optional(),
      /** Outputs of channels on chain that cannot be claimed for want of coins in the wallet. */
      warning_claims: shown.text.optional(),
      /** Coins of the wallet do not suffice for claims that channels with anchors may need. */
      warning_anchor_reserve: shown.text.optional(),
      /** The backup of the channels could not be written: what is not in it is lost with the disk. */
      warning_backup: shown.text.optional(),
      /** Little room is left for the store. */
      warning_disk: shown.text.optional(),
      /** Where HTTP and WebSocket calls are taken. */
      api: z.object({ address: shown.text, port: shown.u32, token_file: shown.text }).optional(),
    }),
  },
  newaddr: {
    doc: "A fresh address of the node's own wallet.",
    params: z.strictObject({
      addresstype: given.word('bech32').default('bech32').describe('the kind of address: P2WPKH'),
    }),
    result: z.object({ bech32: shown.text.optional(), p2tr: shown.text.optional() }),
  },
  listfunds: {
    doc: "The wallet's coins and what is ours in channels.",
    params: z.strictObject({
      spent: given.flag.default(false).describe('also coins already spent'),
    }),
    result: z.object({ outputs: z.array(output), channels: z.array(fundsChannel) }),
  },
  withdraw: {
    doc: 'Sends coins of the wallet to an address.',
    params: z.strictObject({
      destination: given.text.describe('an address of the same network'),
      satoshi: given.amountOrAll.describe(
        'how much; all leaves what anchor-reserve keeps in the wallet for channels with anchors',
      ),
      feerate: given.feerate.optional().describe('of the transaction; else to be in one of the next 6 blocks'),
      minconf: given.u32.default(1).describe('confirmations a coin must have to be used'),
      use_reserve: given.flag.default(false).describe('take also coins that are kept to pay for claims on chain'),
    }),
    result: z.object({
      tx: shown.hexText,
      txid: shown.txid,
      /** Where the network has not heard of it yet. */
      warning_unpublished: shown.text.optional(),
    }),
  },
  notifications: {
    doc: "For Core Lightning's clients, which say so before calls that take long: this node sends no messages in between.",
    params: z.strictObject({ enable: given.flag.describe('whether the caller wants such messages') }),
    result: z.object({}),
  },
  stop: {
    doc: 'Stops the node once this answer is out.',
    params: z.strictObject({}),
    result: z.object({ result: z.literal('Shutdown complete') }),
  },
  help: {
    doc: 'The methods, or one of them with its parameters.',
    params: z.strictObject({
      command: given.text.optional().describe('the method to explain'),
    }),
    result: z.object({
      help: z.array(z.object({ command: shown.text, description: shown.text })),
      'format-hint': z.literal('simple').optional(),
    }),
  },
});
