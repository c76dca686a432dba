/** A node that answers every method with a fixed result: enough for everything between a caller and the handlers. */
import { jsonRpc } from '../../node/api/rpc/jsonrpc.ts';
import type { RpcParts } from '../../node/api/rpc/perform.ts';
import type { Handlers, MethodName, Result } from '../../node/api/table.ts';
import { msat } from '../../wire/units.ts';
import { channelSamples } from './channelsamples.ts';
import { devSamples } from './devsamples.ts';
import { runeSamples } from './runesamples.ts';
import { sendpaySamples } from './sendpaysamples.ts';

export const ids = {
  alice: `02${'a1'.repeat(32)}`,
  bob: `03${'b2'.repeat(32)}`,
  hash: 'c3'.repeat(32),
  other: 'd4'.repeat(32),
  txid: 'e5'.repeat(32),
} as const;

const paid = {
  destination: ids.bob,
  payment_hash: ids.hash,
  created_at: 1_700_000_000.25,
  parts: 2,
  amount_msat: msat(1_500_000_000n),
  amount_sent_msat: msat(1_500_002_500n),
  payment_preimages: [ids.hash, ids.other],
  scheme: 'dynamic' as const,
  shards: [
    {
      index: 1,
      payment_hash: ids.hash,
      status: 'complete' as const,
      amount_msat: msat(900_000_000n),
      amount_sent_msat: msat(900_001_500n),
      route: [
        { id: ids.alice, short_channel_id: '103x1x0' },
        { id: ids.bob, short_channel_id: '104x1x0' },
      ],
      attempts: 1,
    },
    {
      index: 2,
      payment_hash: ids.other,
      status: 'complete' as const,
      amount_msat: msat(600_000_000n),
      amount_sent_msat: msat(600_001_000n),
      route: [{ id: ids.bob, short_channel_id: '105x2x1' }],
      attempts: 2,
    },
  ],
};

const invoice = {
  label: 'coffee',
  description: '1 cup',
  payment_hash: ids.hash,
  expires_at: 1_700_604_800,
  amount_msat: msat(1_500_000_000n),
  bolt11: 'lnbcrt1…',
  created_index: 1,
  amount_received_msat: msat(1_500_000_001n),
  paid_at: 1_700_000_100,
  amp: 'eob' as const,
  parts: 2,
  status: 'paid' as const,
};

const decoded = {
  currency: 'bcrt',
  created_at: 1_700_000_000,
  expiry: 604_800,
  payee: ids.bob,
  amount_msat: msat(1_500_000_000n),
  payment_hash: ids.hash,
  signature: '00'.repeat(64),
  description: '1 cup',
  min_final_cltv_expiry: 18,
};

export const samples: { readonly [M in Exclude<MethodName, 'help'>]: Result<M> } = {
  getinfo: {
    id: ids.alice,
    alias: 'alice',
    color: '02a1b2',
    num_peers: 1,
    num_pending_channels: 0,
    num_active_channels: 1,
    num_inactive_channels: 0,
    address: [],
    binding: [{ type: 'ipv4', address: '127.0.0.1', port: 9735 }],
    version: '0.1.0',
    blockheight: 110,
    network: 'regtest',
    fees_collected_msat: msat(1_001n),
    'lightning-dir': '/data/regtest',
    api: { address: '127.0.0.1', port: 9736, token_file: '/data/regtest/api-token' },
  },
  newaddr: { bech32: 'bcrt1qexample' },
  withdraw: { tx: '0200', txid: ids.txid },
  listfunds: {
    outputs: [
      {
        txid: ids.txid,
        output: 1,
        amount_msat: msat(123_456_789_000n),
        scriptpubkey: '0014',
        status: 'confirmed',
        reserved: false,
        blockheight: 101,
      },
    ],
    channels: [],
  },
  listtransactions: {
    transactions: [
      {
        ...{ hash: ids.txid, rawtx: '0200', blockheight: 101, txindex: 1, locktime: 0, version: 2 },
        inputs: [{ txid: ids.hash, index: 0, sequence: 0xffff_fffd }],
        outputs: [{ index: 0, amount_msat: msat(123_456_789_000n), scriptPubKey: '0014' }],
      },
    ],
  },
  notifications: {},
  subscribe: { topics: ['invoice_payment'] },
  setconfig: { config: { config: 'log-level', value_str: 'debug', source: 'setconfig', dynamic: true } },
  listconfigs: {
    configs: {
      'log-level': { value_str: 'info', source: 'default', dynamic: true },
      'announce-addr': { values_str: ['1.2.3.4:9735'], sources: ['cmdline'] },
    },
  },
  stop: { result: 'Shutdown complete' },
  weblink: { link: 'http://127.0.0.1:9803/open/00' },
  waitblockheight: { blockheight: 110 },
  feerates: {
    perkw: {
      ...{ min_acceptable: 253, max_acceptable: 100_000, floor: 253, opening: 2_500, mutual_close: 2_500 },
      ...{ unilateral_close: 2_500, unilateral_anchor_close: 2_500, penalty: 2_500 },
      estimates: [{ blockcount: 6, feerate: 2_500, smoothed_feerate: 2_500 }],
    },
    onchain_fee_estimates: {
      ...{ opening_channel_satoshis: 1_500, mutual_close_satoshis: 1_600, unilateral_close_satoshis: 2_800 },
      ...{ unilateral_close_nonanchor_satoshis: 1_800, htlc_timeout_satoshis: 1_600, htlc_success_satoshis: 1_700 },
    },
  },
  signmessage: { signature: '00'.repeat(64), recid: '01', zbase: 'y'.repeat(104) },
  checkmessage: { verified: true, pubkey: ids.bob },
  connect: {
    id: ids.bob,
    features: '8000',
    direction: 'out',
    address: { type: 'ipv4', address: '127.0.0.1', port: 9735 },
  },
  disconnect: {},
  listpeers: {
    peers: [{ id: ids.bob, connected: true, num_channels: 1, netaddr: ['127.0.0.1:9735'], features: '8000' }],
  },
  ping: { totlen: 132 },
  sendcustommsg: { status: 'Message sent to the peer' },
  trace: {
    messages: [
      {
        time: '2026-01-02T03:04:05.678Z',
        direction: 'in',
        peer: ids.bob,
        name: 'pong',
        type: 19,
        bytes: 5,
        fields: { ignored: '00' },
        raw: '0013000100',
      },
    ],
    next: 8,
    missed: 0,
  },
  fundchannel: { tx: '0200', txid: ids.txid, outnum: 0, channel_id: ids.hash },
  fundchannel_cancel: { cancelled: 'taken back', tx: '0200', txid: ids.txid, fee_msat: msat(1_000n) },
  ...channelSamples,
  backup: { file: '/data/regtest/channels.backup', channels: 2 },
  recover: { stubs: [ids.hash], written_at: 1_700_000_000 },
  close: { type: 'mutual', txs: ['0200'], txids: [ids.txid] },
  invoice: {
    bolt11: 'lnbcrt1…',
    payment_hash: ids.hash,
    payment_secret: ids.other,
    expires_at: 1_700_604_800,
    created_index: 1,
  },
  listinvoices: { invoices: [invoice] },
  delinvoice: { ...invoice, status: 'unpaid' },
  waitinvoice: invoice,
  waitanyinvoice: { ...invoice, pay_index: 7 },
  decodepay: decoded,
  decode: {
    type: 'bolt11 invoice',
    valid: true,
    ...decoded,
    amp: 'eob',
  },
  listsets: {
    sets: [
      {
        set_id: ids.hash,
        scheme: 'dynamic',
        status: 'receiving',
        label: 'coffee',
        shares: 2,
        parts: 2,
        amount_received_msat: msat(1_000_000_500n),
        amount_msat: msat(1_500_000_000n),
        first_seen_at: 1_700_000_000,
        htlcs: [],
      },
    ],
  },
  listchannels: {
    channels: [
      {
        source: ids.alice,
        destination: ids.bob,
        short_channel_id: '103x1x0',
        direction: 0,
        public: true,
        amount_msat: msat(1_000_000_000n),
        message_flags: 1,
        channel_flags: 0,
        active: true,
        last_update: 1_700_000_000,
        base_fee_millisatoshi: 1000,
        fee_per_millionth: 10,
        delay: 34,
        htlc_minimum_msat: msat(1n),
        features: '',
      },
    ],
  },
  listnodes: { nodes: [{ nodeid: ids.bob, alias: 'bob' }] },
  listforwards: {
    forwards: [
      {
        ...{ created_index: 1, in_channel: '103x1x0', in_htlc_id: 7, in_msat: msat(101_000n), status: 'settled' },
        ...{ style: 'tlv', received_time: 1_700_000_000.5, resolved_time: 1_700_000_001.25 },
        ...{ out_channel: '104x1x0', out_htlc_id: 9, out_msat: msat(100_000n), fee_msat: msat(1_000n) },
      },
    ],
  },
  listknowledge: {
    directions: [
      {
        ...{ updated_index: 7, short_channel_id: '103x1x0', direction: 0, source: ids.alice, destination: ids.bob },
        ...{ carried_msat: msat(1_000n), carried_at: 1_700_000_000 },
        ...{ failed_msat: msat(2_000n), failed_at: 1_700_000_000, failed_weight_percent: 97 },
      },
    ],
  },
  forgetknowledge: { forgotten: 12 },
  setchannel: {
    channels: [
      {
        ...{ peer_id: ids.bob, channel_id: ids.hash, short_channel_id: '103x1x0' },
        ...{ fee_base_msat: msat(1_000n), fee_proportional_millionths: 10, ignore_fee_limits: false },
        ...{ minimum_htlc_out_msat: msat(1n), maximum_htlc_out_msat: msat(990_000_000n) },
      },
    ],
  },
  pay: { ...paid, status: 'complete' },
  xpay: {
    payment_preimages: [ids.hash, ids.other],
    failed_parts: 1,
    successful_parts: 2,
    amount_msat: msat(1_500_000_000n),
    amount_sent_msat: msat(1_500_002_500n),
  },
  keysend: { ...paid, status: 'complete' },
  delpay: {
    payments: [
      {
        ...{ created_index: 1, id: 1, payment_hash: ids.hash, groupid: 1, status: 'failed', created_at: 1_700_000_000 },
        ...{ amount_msat: msat(1_500_000_000n), amount_sent_msat: msat(0n), completed_at: 1_700_000_060 },
      },
    ],
  },
  listpays: {
    pays: [
      {
        payment_hash: ids.hash,
        status: 'complete',
        destination: ids.bob,
        created_at: 1_700_000_000,
        created_index: 1,
        amount_msat: msat(1_500_000_000n),
        amount_sent_msat: msat(1_500_002_500n),
        number_of_parts: 2,
      },
    ],
  },
  ...sendpaySamples,
  ...runeSamples,
  ...devSamples,
};

/** Handlers that answer with the samples, except those given. */
export const fakeHandlers = (own: Partial<Handlers> = {}): Handlers => ({
  ...(Object.fromEntries(
    Object.entries(samples).map(([name, result]) => [name, async () => result]),
  ) as unknown as Handlers),
  ...own,
});

/** What handlers were asked, and errors nobody was to see, beside the JSON-RPC over them. */
export const fakeRpc = (own: Partial<Handlers> = {}, dev = false) => {
  const broken: unknown[] = [];
  const broke = (method: string, error: unknown): void => void broken.push([method, error]);
  const parts: RpcParts = { handlers: fakeHandlers(own), dev, broke };
  return { answer: jsonRpc(parts), parts, broken };
};

/** A call nobody hangs up on. */
export const patient: { readonly signal: AbortSignal } = { signal: new AbortController().signal };
