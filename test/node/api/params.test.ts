/** Parameters of every method: what is taken, as what, and what is refused naming the field. */
import { describe, expect, test } from 'vitest';
import { summaries, summaryOf } from '../../../node/api/help.ts';
import type { Method } from '../../../node/api/method.ts';
import { usageOf } from '../../../node/api/summary.ts';
import { isDevMethod, isMethod, type MethodName, table } from '../../../node/api/table.ts';
import { unhex } from '../../../wire/bytes.ts';
import { wholeOf } from '../../support/answers.ts';
import { fakeRpc, ids, patient } from '../../support/api.ts';
import { runeRefusals } from './runerefusals.ts';

const ask = async (method: string, params: unknown, dev = false) => {
  const text = await fakeRpc({}, dev).answer(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), patient);
  return JSON.parse((await wholeOf(text)) ?? 'null');
};
/** Everything a schema makes of parameters. */
const read = (method: MethodName, params: unknown) => (table[method] as Method).params.parse(params);

const a = ids.alice;
const hop = { id: a, channel: '103x1x0', amount_msat: 5, delay: 9 };
const refusals: readonly (readonly [method: MethodName, field: string, params: unknown])[] = [
  ['getinfo', 'verbose', { verbose: true }],
  ['subscribe', 'topics', { topics: ['forwards'] }],
  ['setconfig', 'val', { config: 'log-level' }],
  ['setconfig', 'transient', ['log-level', 'info', 'maybe']],
  ['stop', 'now', { now: true }],
  ['weblink', 'now', { now: true }],
  ['waitblockheight', 'blockheight', []],
  ['waitblockheight', 'timeout', [1, -1]],
  ['feerates', 'style', []],
  ['feerates', 'style', ['persat']],
  ['feerates', 'urgent', ['perkw', 5]],
  ['signmessage', 'message', []],
  ['checkmessage', 'zbase', ['x']],
  ['checkmessage', 'pubkey', ['x', 'y', 'z']],
  ['ping', 'id', []],
  ['ping', 'len', [a, 65_530]],
  ['ping', 'pongbytes', [a, 0, 65_536]],
  ['sendcustommsg', 'msg', [a]],
  ['sendcustommsg', 'msg', [a, '123']],
  ['trace', 'peer', ['12']],
  ['trace', 'wait', { wait: 61 }],
  ['trace', 'most', { most: 0 }],
  ['sendcustommsg', 'msg', [a, '00'.repeat(65_536)]],
  ['newaddr', 'addresstype', ['p2tr']],
  ['newaddr', 'addresstype', [7]],
  ['withdraw', 'destination', []],
  ['withdraw', 'satoshi', ['bcrt1qexample']],
  ['withdraw', 'satoshi', ['bcrt1qexample', -1]],
  ['listfunds', 'spent', ['maybe']],
  ['help', 'command', [1]],
  ['help', 'command', ['nosuchmethod']],
  ['connect', 'id', []],
  ['connect', 'id', ['02abcd@localhost']],
  ['connect', 'id', [`${a}@host:99999`]],
  ['connect', 'id', [`04${a.slice(2)}`]],
  ['connect', 'id', [`${a}@`]],
  ['connect', 'id', [`${a}@a@b`]],
  ['connect', 'host', { id: a, host: 5 }],
  ['connect', 'port', { id: a, port: -1 }],
  ['connect', 'port', { id: a, port: 65536 }],
  ['connect', 'port', { id: a, port: '12x' }],
  ['disconnect', 'id', {}],
  ['disconnect', 'id', ['zz']],
  ['disconnect', 'force', [a, 1]],
  ['listpeers', 'id', [a.slice(2)]],
  ['listpeers', 'level', { level: 'debug' }],
  ['fundchannel_cancel', 'id', {}],
  ['fundchannel_cancel', 'id', ['nobody']],
  ['fundchannel_cancel', 'feerate', { id: a, feerate: 'fast' }],
  ['fundchannel', 'id', { amount: 100000 }],
  ['fundchannel', 'amount', { id: a }],
  ['fundchannel', 'amount', { id: a, amount: 'any' }],
  ['fundchannel', 'amount', { id: a, amount: 1.5 }],
  ['fundchannel', 'amount', { id: a, amount: '1500msat' }],
  ['fundchannel', 'amount', { id: a, amount: -1 }],
  ['fundchannel', 'feerate', { id: a, amount: 'all', feerate: 'fast' }],
  ['fundchannel', 'announce', { id: a, amount: 'all', announce: 'no' }],
  ['fundchannel', 'minconf', { id: a, amount: 'all', minconf: 1.5 }],
  ['fundchannel', 'utxos', { id: a, amount: 'all', utxos: [`${ids.txid}:0`] }],
  ['fundchannel', 'push_msat', { id: a, amount: 'all', push_msat: 'all' }],
  ['fundchannel', 'request_amt', { id: a, amount: 'all', request_amt: 5 }],
  ['fundchannel', 'channel_type.0', { id: a, amount: 'all', channel_type: ['x'] }],
  ['listpeerchannels', 'short_channel_id', { short_channel_id: '1x2' }],
  ['listpeerchannels', 'short_channel_id', { short_channel_id: '99999999x1x1' }],
  ['listpeerchannels', 'channel_id', { channel_id: a }],
  ['close', 'id', ['103x1']],
  ['close', 'unilateraltimeout', [a, -5]],
  ['close', 'force', { id: a, force: 'maybe' }],
  ['close', 'wrong_funding', { id: a, wrong_funding: `${ids.txid}:0` }],
  ['close', 'feerange.1', { id: a, feerange: ['slow', 'x'] }],
  ['backup', 'file', ['channels.backup']],
  ['backup', 'file', [7]],
  ['recover', 'file', []],
  ['recover', 'file', ['a\0b']],
  ['invoice', 'amount_msat', []],
  ['invoice', 'amount_msat', ['all', 'l', 'd']],
  ['invoice', 'amount_msat', [0, 'l', 'd']],
  ['invoice', 'amount_msat', ['1.0001sat', 'l', 'd']],
  ['invoice', 'amount_msat', [2 ** 60, 'l', 'd']],
  ['invoice', 'amount_msat', ['99999999999999999999', 'l', 'd']],
  ['invoice', 'label', { amount_msat: 1, description: 'd' }],
  ['invoice', 'label', [1, '', 'd']],
  ['invoice', 'label', [1, {}, 'd']],
  ['invoice', 'description', [1, 'l']],
  ['invoice', 'description', [1, 'l', 5]],
  ['invoice', 'expiry', [1, 'l', 'd', 'soon']],
  ['invoice', 'fallbacks', { amount_msat: 1, label: 'l', description: 'd', fallbacks: [1] }],
  ['invoice', 'preimage', { amount_msat: 1, label: 'l', description: 'd', preimage: '00' }],
  ['invoice', 'exposeprivatechannels', { amount_msat: 1, label: 'l', description: 'd', exposeprivatechannels: ['x'] }],
  ['invoice', 'cltv', { amount_msat: 1, label: 'l', description: 'd', cltv: 2 ** 32 }],
  ['invoice', 'amp', { amount_msat: 1, label: 'l', description: 'd', amp: 'bolt12' }],
  ['listinvoices', 'payment_hash', { payment_hash: 'x' }],
  ['listinvoices', 'offer_id', { offer_id: 'x' }],
  ['listinvoices', 'index', { index: 'paid' }],
  ['connect', 'host', [a, '']],
  ['connect', 'host', [a, 'h'.repeat(255)]],
  ['connect', 'id', [`${a}@${'h'.repeat(255)}`]],
  ['waitinvoice', 'label', []],
  ['notifications', 'enable', ['often']],
  ['listtransactions', 'start', { start: 1 }],
  ['listconfigs', 'config', [7]],
  ['listclosedchannels', 'id', ['alice']],
  ['delinvoice', 'label', []],
  ['delinvoice', 'status', ['coffee', 'open']],
  ['delinvoice', 'desconly', ['coffee', 'paid', 'perhaps']],
  ['delpay', 'payment_hash', ['00', 'failed']],
  ['delpay', 'status', [ids.hash, 'pending']],
  ['delpay', 'partid', { payment_hash: ids.hash, status: 'failed', partid: -1 }],
  ['listknowledge', 'short_channel_id', ['103']],
  ['listknowledge', 'index', { index: 'created' }],
  ['forgetknowledge', 'id', { id: 'alice' }],
  ['waitanyinvoice', 'lastpay_index', [-1]],
  ['waitanyinvoice', 'timeout', [0, 'long']],
  ['decode', 'string', [[]]],
  ['decodepay', 'bolt11', {}],
  ['decodepay', 'description', ['x', 5]],
  ['listforwards', 'status', ['done']],
  ['listforwards', 'in_channel', { in_channel: '1' }],
  ['listforwards', 'index', { index: 'updated' }],
  ['listhtlcs', 'id', ['some']],
  ['listhtlcs', 'index', { index: 'created' }],
  ['setchannel', 'id', []],
  ['setchannel', 'id', ['some']],
  ['setchannel', 'feebase', ['all', 2 ** 32]],
  ['setchannel', 'feeppm', ['all', 1, -1]],
  ['setchannel', 'enforcedelay', { id: 'all', enforcedelay: 601 }],
  ['setchannel', 'ignorefeelimits', { id: 'all', ignorefeelimits: true }],
  ['listsets', 'set_id', { set_id: '00' }],
  ['pay', 'bolt11', {}],
  ['pay', 'bolt11', { bolt11: 'x', invstring: 'x' }],
  ['pay', 'amount_msat', ['x', '1 sat']],
  ['pay', 'maxfeepercent', { bolt11: 'x', maxfeepercent: -1 }],
  ['pay', 'retry_for', { bolt11: 'x', retry_for: 1e300 }],
  ['pay', 'localinvreqid', { bolt11: 'x', localinvreqid: '00' }],
  ['pay', 'exclude.0', { bolt11: 'x', exclude: ['x'] }],
  ['pay', 'scheme', { bolt11: 'x', scheme: 1 }],
  ['pay', 'shards', { bolt11: 'x', shards: 0 }],
  ['pay', 'shards', { bolt11: 'x', shards: 256 }],
  ['pay', 'dev_withhold', { bolt11: 'x', dev_withhold: 1 }],
  ['pay', '__proto__', JSON.parse('{"bolt11":"x","__proto__":{}}')],
  ['xpay', 'invstring', []],
  ['xpay', 'layers', { invstring: 'x', layers: ['l'] }],
  ['xpay', 'retry_for', { invstring: 'x', retry_for: -1 }],
  ['keysend', 'destination', [ids.hash, 1]],
  ['keysend', 'amount_msat', [a]],
  ['keysend', 'extratlvs', { destination: a, amount_msat: 1, extratlvs: { 5: '00' } }],
  ['listchannels', 'source', { source: 'x' }],
  ['listnodes', 'id', [5]],
  ['listpays', 'status', { status: 'done' }],
  ['getroute', 'id', ['x']],
  ['getroute', 'riskfactor', [a, 1]],
  ['getroute', 'riskfactor', [a, 1, -1]],
  ['getroute', 'cltv', [a, 1, 1, 2017]],
  ['getroute', 'exclude.0', { id: a, amount_msat: 1, riskfactor: 1, exclude: ['1x1x1'] }],
  ['getroute', 'maxhops', { id: a, amount_msat: 1, riskfactor: 1, maxhops: 21 }],
  ['getroutes', 'layers.0', [a, a, 1, ['mine'], 1, 1]],
  ['createonion', 'hops', [{}]],
  ['createonion', 'hops.0.payload', [[{ pubkey: a, payload: '0' }], '']],
  ['createonion', 'hops.0.pubkey', [[{ pubkey: 'a', payload: '00' }], '']],
  ['createonion', 'session_key', [[], '', 'ff']],
  ['createonion', 'onion_size', [[], '', ids.hash, 40_000]],
  ['sendpay', 'route', [5, ids.hash]],
  ['sendpay', 'route', [Array(21).fill(hop), ids.hash]],
  ['sendpay', 'route.0', [['x'], ids.hash]],
  ['sendpay', 'route.0.id', [[{ ...hop, id: `02${'ff'.repeat(32)}` }], ids.hash]],
  ['sendpay', 'route.0.id', [[{ ...hop, id: undefined }], ids.hash]],
  ['sendpay', 'route.1.channel', [[hop, { ...hop, channel: undefined }], ids.hash]],
  ['sendpay', 'route.0.channel', [[{ ...hop, channel: '1x1' }], ids.hash]],
  ['sendpay', 'route.0.amount_msat', [[{ ...hop, amount_msat: 0 }], ids.hash]],
  ['sendpay', 'route.0.delay', [[{ ...hop, delay: 2_017 }], ids.hash]],
  ['sendpay', 'payment_hash', [[hop]]],
  ['sendpay', 'partid', { route: [hop], payment_hash: ids.hash, partid: -1 }],
  ['sendpay', 'payment_secret', { route: [hop], payment_hash: ids.hash, payment_secret: '00' }],
  ['sendpay', 'localinvreqid', { route: [hop], payment_hash: ids.hash, localinvreqid: '00' }],
  ['sendonion', 'onion', ['00'.repeat(1_367), hop, ids.hash]],
  ['sendonion', 'first_hop.delay', ['00', { ...hop, delay: undefined }, ids.hash]],
  ['sendonion', 'shared_secrets.0', { onion: '00', first_hop: hop, payment_hash: ids.hash, shared_secrets: ['0'] }],
  ['waitsendpay', 'timeout', [ids.hash, -1]],
  ['listsendpays', 'status', { status: 'done' }],
  ['probe', 'id', ['x', 1]],
  ['probe', 'attempts', { id: a, amount_msat: 1, attempts: 51 }],
  ['probe', 'timeout', { id: a, amount_msat: 1, timeout: 601 }],
  ['probe', 'shards', { id: a, amount_msat: 1, shards: 17 }],
  ['dev-disconnect', 'rules.0', { rules: ['-WIRE_NOSUCH'] }],
  ['dev-disconnect', 'rules.1', { rules: ['-WIRE_INIT', '?WIRE_INIT'] }],
  ['dev-crash', 'point', ['during:channel/*/head']],
  ['dev-hold-saves', 'point', [7]],
  ['dev-release-saves', 'now', { now: true }],
  ['dev-fail-save', 'point', []],
  ['dev-record-saves', 'on', ['perhaps']],
  ['dev-ignore-htlcs', 'ignore', [a]],
  ['dev-fail-process-onionpacket', 'fail', []],
  ['dev-feerate', 'feerate', [a, -1]],
  ['dev-dump-state', 'secrets', ['all']],
  ['dev-sign-last-tx', 'number', { id: a, number: -1 }],
  ['dev-sign-last-tx', 'preimages.0', { id: a, preimages: ['00'] }],
  ['dev-remember-commitment', 'id', ['alice']],
  ['dev-broadcast-commitment', 'htlcs', { id: a, htlcs: 1 }],
  ...runeRefusals,
];

describe('parameters', () => {
  test.each(refusals)('%s refuses a wrong %s: %j', async (method, field, params) => {
    const { error, id } = await ask(method, params, isDevMethod(method));
    expect(id).toBe(1);
    expect(error).toMatchObject({ code: -32602, data: { field } });
    expect(error.message.startsWith(`${field}: `)).toBe(true);
  });

  test('every method is among the refusals', () => {
    const tested = new Set(refusals.map(([method]) => method));
    expect(Object.keys(table).filter((name) => isMethod(name) && !tested.has(name))).toEqual([]);
  });

  test.each([
    ['invoice', { lable: 'x' }, "lable: invoice has no parameter 'lable': did you mean 'label'?"],
    ['pay', { invstrin: 'lnbc1' }, "invstrin: pay has no parameter 'invstrin': did you mean 'invstring'?"],
    ['getinfo', { id: 1 }, "id: getinfo has no parameter 'id': the method takes none"],
    ['listnodes', { limit: 1 }, "limit: listnodes has no parameter 'limit': there are id"],
  ])('%s refuses the unknown parameter in %j and names the nearest one', async (method, params, message) => {
    expect((await ask(method, params)).error).toMatchObject({ code: -32602, message });
  });

  test('what the build keeps for the command line is all that the table says of a method', () => {
    const kept: unknown = JSON.parse(JSON.stringify(summaries()));
    expect(kept).toEqual(summaries());
    expect(summaries().map(({ name }) => name)).toEqual(Object.keys(table));
  });

  test('more parameters than there are is refused', async () => {
    const { error } = await ask('waitinvoice', ['a', 'b']);
    expect(error).toEqual({ code: -32602, message: 'waitinvoice takes at most 1 parameters, got 2' });
  });

  test('null counts as not given, in either form', async () => {
    expect((await ask('listpeers', [null, null])).error).toBeUndefined();
    expect((await ask('listpeers', { id: null })).error).toBeUndefined();
    expect((await ask('waitinvoice', [null])).error.message).toBe('label: is required (label)');
  });

  test('experiments are for nodes started with --dev', async () => {
    expect((await ask('pay', { bolt11: 'x', dev_withhold: 1 }, true)).error).toBeUndefined();
  });

  test.each(Object.keys(table).filter(isDevMethod))('%s is refused without --dev, by help too', async (method) => {
    const message = `${method} is for a node started with --dev, on regtest only`;
    expect((await ask(method, {})).error).toEqual({ code: -32601, message });
    expect((await ask('help', [method])).error.message).toBe(`command: no method "${method}"`);
    expect((await ask('help', [method], true)).error).toBeUndefined();
  });

  test('the order of parameters is that of Core Lightning, ours behind it', () => {
    expect(usageOf(summaryOf('pay'))).toBe(
      'pay bolt11 [amount_msat] [label] [riskfactor] [maxfeepercent] [retry_for] [maxdelay] [exemptfee] [localinvreqid] ' +
        '[exclude] [maxfee] [description] [partial_msat] [scheme] [shards] ' +
        '[redundancy] [maxoverpayment] [shares] [strategy] [blob] [prefer]',
    );
    expect(usageOf(summaryOf('invoice'))).toBe(
      'invoice amount_msat label description [expiry] [fallbacks] [preimage] [exposeprivatechannels] [cltv] [deschashonly] [amp]',
    );
    expect(usageOf(summaryOf('fundchannel'))).toBe(
      'fundchannel id amount [feerate] [announce] [minconf] [utxos] [push_msat] [close_to] [request_amt] [compact_lease] ' +
        '[reserve] [mindepth] [channel_type] [use_reserve]',
    );
  });
});

describe('what handlers get', () => {
  test.each([
    [1000, 1000n],
    ['1000', 1000n],
    ['1000msat', 1000n],
    ['1sat', 1000n],
    ['1.5sat', 1500n],
    ['0.001btc', 100_000_000n],
    ['0.00000000001btc', 1n],
    [9_007_199_254_740_991, 9_007_199_254_740_991n],
    ['2100000000000000000', 2_100_000_000_000_000_000n],
    ['any', 'any'],
  ])('amount_msat %j is %s', (given, expected) => {
    expect(read('invoice', { amount_msat: given, label: 1, description: 'd' })).toMatchObject({
      amount_msat: expected,
      label: '1',
      expiry: 604_800,
    });
  });

  test.each([
    [1_000_000, 1_000_000n],
    ['1000000sat', 1_000_000n],
    ['1000000000msat', 1_000_000n],
    ['0.01btc', 1_000_000n],
    ['all', 'all'],
  ])('amount %j is %s sat', (given, expected) => {
    expect(read('fundchannel', { id: a, amount: given })).toMatchObject({ amount: expected, announce: true });
  });

  test.each([
    ['urgent', { blocks: 6 }],
    ['12blocks', { blocks: 12 }],
    ['1000perkw', { perkw: 1000 }],
    ['4001perkb', { perkw: 1001 }],
    [4000, { perkw: 1000 }],
  ])('feerate %j is %j', (given, expected) => {
    expect(read('fundchannel', { id: a, amount: 1, feerate: given })).toMatchObject({ feerate: expected });
  });

  test.each([
    [a, undefined, undefined],
    [`${a}@10.0.0.1`, '10.0.0.1', undefined],
    [`${a}@node.example:9735`, 'node.example', 9735],
    [`${a}@[::1]:9735`, '::1', 9735],
    [`${a}@::1`, '::1', undefined],
  ])('connect reads an id with host and port: %s is at %s, port %s', (given, host, port) => {
    expect(read('connect', { id: given })).toEqual({ id: { id: unhex(a), host, port } });
  });

  test.each([
    [a, { peer: unhex(a) }],
    [ids.hash, { channel: unhex(ids.hash) }],
    ['103x1x0', { scid: (103n << 40n) | (1n << 16n) }],
  ])('close reads a peer, a channel_id or a short_channel_id: %s', (given, id) => {
    expect(read('close', { id: given })).toEqual({ id });
  });
});
