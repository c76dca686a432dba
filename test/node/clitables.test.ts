/** Results as the command line prints them for people. */
import { describe, expect, test } from 'vitest';
import { toJson } from '../../node/api/rpc/json.ts';
import type { MethodName } from '../../node/api/table.ts';
import { satText, tableLines } from '../../node/base/table.ts';
import { render } from '../../node/cli/render.ts';
import { wholeOf } from '../support/answers.ts';
import { fakeRpc, ids, patient, samples } from '../support/api.ts';

describe('tables', () => {
  test.each([
    [0, '0'],
    [1, '0.001'],
    [1_000, '1'],
    [1_500_000_001, '1,500,000.001'],
    ['2099999999999999999', '2,099,999,999,999,999.999'],
    [undefined, ''],
  ])('%s msat is %s sat', (amount, text) => {
    expect(satText(amount)).toBe(text);
  });

  const shown = async (method: MethodName, params: unknown = {}) => {
    const text = await fakeRpc().answer(JSON.stringify({ id: 1, method, params }), patient);
    return render(method, JSON.parse((await wholeOf(text)) ?? '').result).split('\n');
  };

  test('listpeerchannels', async () => {
    expect(await shown('listpeerchannels')).toEqual([
      'channel  peer           connected  state               ours sat   size sat  can send sat  can receive sat  HTLCs',
      '103x1x0  03b2b2b2…b2b2  yes        CHANNELD_NORMAL  899,999.500  1,000,000       880,000       90,000.500      1',
      '',
      '103x1x0:',
      '  CHANNELD_NORMAL: ready',
    ]);
  });

  test('showrunes, by what each allows', async () => {
    const [titles, row] = await shown('showrunes');
    expect(titles).toMatch(/^ *id {2}allows +revoked {2}last used +rune$/);
    expect(row).toMatch(/^ *0 {2}method equal to pay +yes +2023-11-1\d /);
    expect(row).not.toContain('OSqc7ixY6F-gjcigBfxtzKUI54uzgFSA6YfBQoWGDV89MA==');
  });

  test('listpeerchannels, with what is to be said of a channel in words', () => {
    const rows = [
      {
        channel_id: 'ab'.repeat(32),
        state: 'CHANNELD_AWAITING_LOCKIN',
        status: ['waits\u001b for a block', 'and more'],
      },
      { channel_id: 'cd'.repeat(32), short_channel_id: '103x1x0', state: 'CHANNELD_NORMAL', status: [] },
      { channel_id: 'ef'.repeat(32), short_channel_id: '104x1x0', state: 'ONCHAIN', status: ['over'] },
    ];
    expect(render('listpeerchannels', { channels: rows }).split('\n').slice(4)).toEqual([
      '',
      `${'ab'.repeat(32)}:`,
      '  waits\\u{1b} for a block',
      '  and more',
      '104x1x0:',
      '  over',
    ]);
  });

  test.each([
    ['listforwards', 'forwards'],
    ['listhtlcs', 'htlcs', 'HTLCs'],
    ['listpays', 'pays', 'payments'],
    ['listclosedchannels', 'closedchannels', 'closed channels'],
    ['listsendpays', 'payments'],
    ['listknowledge', 'directions'],
    ['listsets', 'sets'],
  ] as const)('%s says so in words where there are none', (method, list, words: string = list) => {
    expect(render(method, { [list]: [] })).toBe(`no ${words}`);
  });

  test('listsendpays has a line for each part that fits a terminal', () => {
    const part = { id: 2, created_index: 2, payment_hash: ids.hash, groupid: 1, partid: 3, status: 'pending' };
    const amounts = { amount_msat: 1_000_000, amount_sent_msat: 1_001_000, created_at: 1_795_895_043 };
    const payments = [{ ...part, ...amounts, destination: ids.bob, label: 'tea', bolt11: 'lnbcrt1'.padEnd(300, 'q') }];
    expect(render('listsendpays', { payments }).split('\n')).toEqual([
      'index  hash           group  part  status   amount sat  sent sat  to             begun                label',
      '    2  c3c3c3c3…c3c3      1     3  pending       1,000     1,001  03b2b2b2…b2b2  2026-11-28 19:44:03  tea',
    ]);
  });

  test('getroutes has a line for each route, with its channels and what it costs', () => {
    const hop = (channel: string, amount: number, blocks: number) => ({
      ...{ short_channel_id_dir: channel, amount_in_msat: amount, cltv_in: blocks },
    });
    const routes = [
      [hop('104x2x0/0', 193_238_360, 58), hop('104x1x0/1', 193_238_360, 58)],
      [hop('104x4x1/1', 106_766_639, 58)],
    ].map((path, n) => ({
      probability_ppm: 806_765,
      amount_msat: [193_235_428, 106_764_572][n],
      final_cltv: 18,
      path,
    }));
    expect(render('getroutes', { probability_ppm: 720_631, routes }, { width: 80 }).split('\n')).toEqual([
      'probability_ppm  720631',
      '',
      'routes:',
      ' amount sat  fee sat  ppm likely  blocks  route',
      '193,235.428    2.932      806765      58  104x2x0/0 → 104x1x0/1',
      '106,764.572    2.067      806765      58  104x4x1/1',
    ]);
  });

  test('probe has a line for each attempt, with the channels of its route', () => {
    const hops = [{ channel: '103x1x0' }, { channel: '104x1x0' }];
    const attempt = { amount_msat: 1_000_000, amount_sent_msat: 1_001_000, route: hops };
    const failed = { erring_node: ids.bob, failcodename: 'WIRE_TEMPORARY_CHANNEL_FAILURE' };
    const attempts = [
      { status: 'carried', ...attempt },
      { status: 'failed', ...attempt, ...failed },
    ];
    expect(render('probe', { carried: false, attempts }).split('\n').slice(2)).toEqual([
      'attempts:',
      'status   amount sat  sent sat  route              failed at      failure',
      'carried       1,000     1,001  103x1x0 → 104x1x0',
      'failed        1,000     1,001  103x1x0 → 104x1x0  03b2b2b2…b2b2  WIRE_TEMPORARY_CHANNEL_FAILURE',
    ]);
  });

  test('pay', async () => {
    expect((await shown('pay', ['x'])).slice(-4)).toEqual([
      'shards:',
      'shard  status    amount sat     sent sat  hash           route',
      '    1  complete     900,000  900,001.500  c3c3c3c3…c3c3  103x1x0 → 104x1x0',
      '    2  complete     600,000  600,001      d4d4d4d4…d4d4  105x2x1',
    ]);
  });

  test('listsets', async () => {
    expect(await shown('listsets')).toEqual([
      'set            scheme   status     shares  HTLCs   received sat  asked sat  label   first seen',
      'c3c3c3c3…c3c3  dynamic  receiving  2/?         2  1,000,000.500  1,500,000  coffee  2023-11-14 22:13:20',
    ]);
  });

  test('listfunds, with nothing in a list', async () => {
    expect((await shown('listfunds')).slice(-2)).toEqual(['', 'no channels']);
  });

  test('a method that gives nothing is done', async () => {
    expect(await shown('disconnect', [ids.bob])).toEqual(['done']);
  });

  test('listtransactions has a line for each transaction, without its bytes', async () => {
    expect(await shown('listtransactions')).toEqual([
      `transaction${' '.repeat(55)}block  inputs  outputs  paid out sat`,
      `${ids.txid}    101       1        1   123,456,789`,
    ]);
  });

  test('listclosedchannels', async () => {
    expect(await shown('listclosedchannels')).toEqual([
      'channel  peer           opened by  cause     ours sat   size sat',
      '103x1x0  03b2b2b2…b2b2  local      user   899,999.500  1,000,000',
    ]);
  });

  test('listconfigs has a line for each option, with its value and where it came from', () => {
    const configs = {
      'fee-base': { value_int: 7, source: '/d/config:2' },
      dev: { set: true, source: 'cmdline' },
      'announce-addr': { values_str: ['1.2.3.4:9735', '[::1]:9736'], sources: ['default', 'cmdline'] },
    };
    expect(
      render('listconfigs', { configs })
        .split('\n')
        .map((line) => line.trim().split(/ {2,}/)),
    ).toEqual([
      ['option', 'value', 'from'],
      ['fee-base', '7', '/d/config:2'],
      ['dev', 'yes', 'cmdline'],
      ['announce-addr', '1.2.3.4:9735, [::1]:9736', 'default, cmdline'],
    ]);
  });

  test.each(Object.entries(samples))(
    '%s is no wider than 80 characters, but for what nobody reads',
    (method, sample) => {
      const lines = render(method, JSON.parse(toJson(sample)), { width: 80 }).split('\n');
      expect(lines.filter((line) => line.length > 80 && line.includes(' '))).toEqual([]);
    },
  );

  test('a table too wide has short ids first, then fewer columns, then shorter texts', () => {
    const columns = [
      { title: 'id', cell: () => 'a'.repeat(30), short: () => 'aaaa…' },
      { title: 'less', cell: () => '0123456789', drop: 1 },
      { title: 'least', cell: () => '0123456789', drop: 2 },
      { title: 'text', cell: () => 'a long way to say it', cut: true as const },
      { title: 'empty', cell: () => '' },
    ];
    const at = (width?: number) => tableLines(columns, [{}], { width })[1];
    expect(at()).toBe(`${'a'.repeat(30)}  0123456789  0123456789  a long way to say it`);
    expect(at(80)).toBe(at());
    expect(at(60)).toBe('aaaa…  0123456789  0123456789  a long way to say it');
    expect(at(50)).toBe('aaaa…  0123456789  a long way to say it');
    expect(at(30)).toBe('aaaa…  a long way to say it');
    expect(at(20)).toBe('aaaa…  a long way t…');
    expect(at(5)).toBe('aaaa…  a long …');
  });

  test('colours say how a row stands, and no cell is wider for them', () => {
    const paint = (tone: string, text: string) => `<${tone}>${text}</>`;
    const rows = [{ payment_hash: ids.hash, status: 'failed', error: { message: 'no route' } }];
    const [titles = '', row = ''] = render('listpays', { pays: rows }, { paint }).split('\n');
    expect(titles).toBe('<title>hash         </>  <title>status</>  <title>error</>');
    expect(row).toBe('c3c3c3c3…c3c3  <bad>failed</>  no route');
    expect(render('waitsendpay', { id: 1, status: 'complete' }, { paint }).split('\n')).toEqual([
      '<title>id</>      1',
      '<title>status</>  <good>complete</>',
    ]);
  });

  test.each(['pay', 'keysend'])('%s says first what became of the payment, and its ids behind that', (method) => {
    const made = {
      destination: ids.bob,
      payment_hash: ids.hash,
      parts: 0,
      amount_msat: 5_000,
      status: 'failed',
      shards: [],
    };
    expect(render(method, made).split('\n')).toEqual([
      'status        failed',
      'amount        5 sat',
      'parts         0',
      `destination   ${ids.bob}`,
      `payment_hash  ${ids.hash}`,
      '',
      'no shards',
    ]);
  });

  test('probe names what was carried and what was not', () => {
    const found = { carried: false, carried_msat: 1_000, failed_msat: 2_000, attempts: [] };
    expect(render('probe', found).split('\n').slice(0, 3)).toEqual([
      'carried       no',
      'most carried  1 sat',
      'least failed  2 sat',
    ]);
  });

  test('fundchannel says what it made and what comes next, and the transaction last', () => {
    const made = { tx: '02'.repeat(100), txid: ids.txid, channel_id: ids.hash, mindepth: 3 };
    expect(render('fundchannel', made, { width: 80 }).split('\n')).toEqual([
      `txid        ${ids.txid}`,
      `channel_id  ${ids.hash}`,
      'mindepth    3',
      '',
      'The channel can be used once its funding transaction has 3 blocks: ampere',
      'listpeerchannels shows when.',
      '',
      'tx',
      made.tx,
    ]);
  });

  test.each([
    ['fundchannel', { mindepth: 3 }, 'listpeerchannels'],
    ['fundchannel', { warning_unpublished: 'w' }, 'listpeerchannels'],
    ['close', { type: 'mutual' }, 'listfunds'],
    ['close', { type: 'unilateral' }, 'listpeerchannels'],
    ['withdraw', { txid: ids.txid }, 'listtransactions'],
    ['newaddr', { bech32: 'bcrt1q' }, 'listfunds'],
  ])('what %s says of what comes next names the node that was called: %o', (name, result, next) => {
    expect(render(name, result, { ampere: 'ampere @alice' })).toContain(`ampere @alice ${next}`);
    expect(render(name, result)).toContain(`ampere ${next}`);
  });

  test.each([
    ['mutual', 'The closing transaction waits for a block'],
    ['unilateral', "This node's commitment waits for a block"],
    ['unopened', 'The channel was never open'],
  ])('a %s close says what comes next before the transaction', (type, words) => {
    const [closed = '', next = '', raw = ''] = render('close', {
      type,
      txs: ['02'.repeat(100)],
      txids: [ids.txid],
    }).split('\n\n');
    expect(closed).toBe(`type   ${type}\ntxids  ${ids.txid}`);
    expect(next).toContain(words);
    expect(raw).toBe(`txs\n${'02'.repeat(100)}`);
  });

  test('feature bits have the names of BOLT 9, and are shown of a peer that was asked for', () => {
    expect(render('decode', { features: '020000000000024100' })).toBe(
      'features  var_onion_optin (required), payment_secret (required), basic_mpp, bit 65',
    );
    const peer = { id: ids.bob, connected: true, features: '0100' };
    expect(render('listpeers', { peers: [peer] })).toContain('\n\nfeatures: var_onion_optin (required)');
    expect(render('listpeers', { peers: [peer, peer] })).not.toContain('features');
    expect(render('decode', { features: 'ff'.repeat(1000) })).toContain('and more');
  });

  test('text from strangers cannot move the cursor', () => {
    expect(render('decode', { description: 'a\u001b[2Jb\u202ec' })).toBe('description  a\\u{1b}[2Jb\\u{202e}c');
  });
});
