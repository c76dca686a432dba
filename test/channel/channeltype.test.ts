/** Which kind of channel two peers open, and where its coins may go in the end: what their features allow. */

import { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import type { ChannelFeatures } from '../../channel/model/channeltype.ts';
import type { ChannelMessageOf, Effect, OpenRequest } from '../../channel/model/io.ts';
import { acceptChannel, openChannel } from '../../channel/phases/transition.ts';
import { hex, text, unhex } from '../../wire/bytes.ts';
import {
  acceptRequest,
  anchorsRequest,
  begin,
  context,
  coreOf,
  eventsOf,
  features,
  give,
  offerOf,
  openRequest,
  ready,
  scriptOf,
  secretOf,
  settle,
} from './pair.ts';
import { summary } from './summary.ts';

const sent = (effects: readonly Effect[]) => effects.flatMap((e) => (e.do === 'send' ? [e.message] : []));

const openMessage = (request: OpenRequest = openRequest): ChannelMessageOf<'open_channel'> => {
  const [message] = sent(openChannel(request, context)[1]);
  if (message?.name !== 'open_channel') throw new Error('no open_channel');
  return message;
};

describe('channel types', () => {
  const all: ChannelFeatures = { ...features, scidAlias: true };
  const typesOf = (changes: Partial<OpenRequest>, theirs: ChannelFeatures = all) => {
    const open = { ...openRequest, features: theirs, channelType: undefined, ...changes };
    const { a, b } = begin(open, { ...acceptRequest, features: theirs });
    const [message] = sent(openChannel(open, context)[1]);
    const bits = message?.name === 'open_channel' ? hex(message.channel_type ?? new Uint8Array()) : undefined;
    return [bits, a.inbox[0]?.name, b.state.phase];
  };
  const opened = ['accept_channel', 'awaiting_funding_created'];
  const unopened = [undefined, undefined, 'abandoned'];
  const anchors = 'anchors_zero_fee_htlc_tx';
  const rows: readonly (readonly [string, Partial<OpenRequest>, ChannelFeatures, readonly (string | undefined)[]])[] = [
    ['anchors where both have them', {}, all, ['401000', ...opened]],
    ['static_remotekey with a peer that has none', {}, { ...all, anchors: false }, ['1000', ...opened]],
    [
      'static_remotekey where it is asked for',
      { channelType: { format: 'static_remotekey', scidAlias: false } },
      all,
      ['1000', ...opened],
    ],
    [
      'aliases only, for a channel that is not announced',
      { channelType: { format: anchors, scidAlias: true }, announce: false },
      all,
      ['400000401000', ...opened],
    ],
    [
      'aliases only, without anchors',
      { channelType: { format: 'static_remotekey', scidAlias: true }, announce: false },
      { ...all, anchors: false },
      ['400000001000', ...opened],
    ],
    [
      'nothing where anchors are asked of a peer that has none',
      { channelType: { format: anchors, scidAlias: false } },
      { ...all, anchors: false },
      unopened,
    ],
    [
      'nothing where aliases are asked of a peer that has none',
      { channelType: { format: anchors, scidAlias: true }, announce: false },
      features,
      unopened,
    ],
    [
      'nothing where an announced channel is to be named by aliases only',
      { channelType: { format: anchors, scidAlias: true }, announce: true },
      all,
      unopened,
    ],
  ];
  test.each(rows)('as funder we propose the channel type %s', (_, request, theirs, expected) => {
    expect(typesOf(request, theirs)).toEqual(expected);
  });

  const proposals: readonly (readonly [string, string, boolean, ChannelFeatures, boolean])[] = [
    ['anchors', '401000', true, all, true],
    ['static_remotekey', '1000', true, all, true],
    ['aliases only, not announced', '400000401000', false, all, true],
    ['aliases only, announced', '400000401000', true, all, false],
    ['aliases only, though not negotiated', '400000001000', false, features, false],
    ['anchors, though not negotiated', '401000', true, { ...all, anchors: false }, false],
    ['no static_remotekey', '400000', true, all, false],
    ['a channel usable before it confirms', '04000000001000', false, all, false],
    ['more bytes than it takes', '00401000', true, all, false],
    ['an optional bit', '2000', true, all, false],
  ];
  const guarded: readonly (readonly [string, string, boolean, ChannelFeatures, boolean])[] = [
    ['anchors', '401000', true, all, true],
    ['static_remotekey of a peer that knows anchors', '1000', true, all, false],
    ['aliases only, without anchors, of a peer that knows them', '400000001000', false, all, false],
    ['static_remotekey of a peer that knows no anchors', '1000', true, { ...all, anchors: false }, true],
    ['aliases only, of a peer that knows no anchors', '400000001000', false, { ...all, anchors: false }, true],
  ];
  test.each(guarded)(
    'a fundee that was not told otherwise judges a proposal of %s',
    (_, type, announce, ours, good) => {
      const message = { ...openMessage(), channel_type: unhex(type), channel_flags: announce ? 1 : 0 };
      const request = { ...acceptRequest, features: ours, allowStaticRemotekey: false };
      const [state, [answer]] = acceptChannel(message, request, context);
      expect(state.phase).toBe(good ? 'awaiting_funding_created' : 'abandoned');
      const said = answer?.do === 'send' && answer.message.name === 'error' ? text(answer.message.data) : 'taken';
      expect(said).toBe(
        good
          ? 'taken'
          : `unacceptable_terms: field channel_type, got ${type}, expected one of anchors_zero_fee_htlc_tx${announce ? '' : ', anchors_zero_fee_htlc_tx with option_scid_alias'}`,
      );
    },
  );

  test('undefined bits of channel_flags are ignored by a fundee', () => {
    for (const channel_flags of [0b1111_1110, 0b1111_1111]) {
      const [state] = acceptChannel({ ...openMessage(), channel_flags }, acceptRequest, context);
      expect(state).toMatchObject({ phase: 'awaiting_funding_created', params: { announce: channel_flags === 255 } });
    }
  });

  test.each(proposals)('a fundee judges a proposal of %s', (_, type, announce, ours, good) => {
    const message = { ...openMessage(), channel_type: unhex(type), channel_flags: announce ? 1 : 0 };
    const [state, effects] = acceptChannel(message, { ...acceptRequest, features: ours }, context);
    const [answer] = sent(effects);
    expect(state.phase).toBe(good ? 'awaiting_funding_created' : 'abandoned');
    if (answer?.name === 'accept_channel') expect(hex(answer.channel_type ?? new Uint8Array())).toBe(type);
    else expect(answer?.name === 'error' && text(answer.data)).toContain('field channel_type');
  });

  test('both sides build commitments of the channel type that they agreed on', () => {
    const pair = ready(anchorsRequest);
    expect(coreOf(pair.b).params.format).toBe('anchors_zero_fee_htlc_tx');
    give(pair, pair.a, offerOf(5_000_000n, 1));
    settle(pair);
    give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    settle(pair);
    for (const [side, toUs] of [
      [pair.a, 995_000_000n],
      [pair.b, 5_000_000n],
    ] as const) {
      expect(summary(side.state)).toMatchObject({ toUs, htlcs: [], format: 'anchors_zero_fee_htlc_tx' });
    }
  });
});

describe('upfront_shutdown_script', () => {
  const bound = { ...openRequest, upfront: true };
  test('an upfront_shutdown_script is sent by a node that wants to be bound, and a close pays to it', () => {
    const pair = ready(bound, { ...acceptRequest, upfront: true });
    for (const [side, script] of [
      [pair.a, scriptOf(1)],
      [pair.b, scriptOf(2)],
    ] as const)
      expect(coreOf(side).params.local.upfrontScript).toEqual(script);
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    const outputs = Transaction.fromBuffer(eventsOf(pair.b, 'closing')[0]?.tx ?? new Uint8Array()).outs;
    expect(outputs.map(({ script }) => hex(script))).toEqual([hex(scriptOf(1))]);
  });
  test('upfront_shutdown_script is empty where it is not wanted or not negotiated', () => {
    expect(openMessage().upfront_shutdown_script).toEqual(new Uint8Array());
    const without = { ...bound, features: { ...features, upfrontShutdown: false } };
    expect(openMessage(without).upfront_shutdown_script).toEqual(new Uint8Array());
    expect(openMessage(bound).upfront_shutdown_script).toEqual(scriptOf(1));
  });
  test('upfront_shutdown_script may be a later witness program only with option_shutdown_anysegwit', () => {
    const taproot = Uint8Array.of(0x51, 32, ...new Array(32).fill(7));
    const request = { ...bound, shutdownScript: taproot };
    expect(openMessage(request).upfront_shutdown_script).toEqual(taproot);
    const older = { ...features, anysegwit: false };
    expect(openChannel({ ...request, features: older }, context)[0].phase).toBe('abandoned');
    const message = openMessage(request);
    expect(acceptChannel(message, acceptRequest, context)[0].phase).toBe('awaiting_funding_created');
    expect(acceptChannel(message, { ...acceptRequest, features: older }, context)[0].phase).toBe('abandoned');
  });
});
