/** Our own names for channels: who is told one, and that it never is the name of another. */
import { expect, test } from 'vitest';
import { aliasFrom } from '../../channel/model/alias.ts';
import { restore } from '../../channel/model/persist.ts';
import { staticRecord } from '../../channel/model/records.ts';
import { encode } from '../../wire/codec.ts';
import {
  acceptRequest,
  confirm,
  coreOf,
  cut,
  features,
  give,
  openRequest,
  ready,
  settle,
  unconfirmed,
} from './pair.ts';
import { summary } from './summary.ts';

test('an alias is said to a peer that learned of option_scid_alias only after the opening', () => {
  const pair = unconfirmed();
  cut(pair);
  confirm(pair);
  for (const side of [pair.a, pair.b])
    give(pair, side, { type: 'connected', features: { ...features, scidAlias: true } });
  settle(pair);
  expect([pair.a, pair.b].map(({ state }) => summary(state)?.peerAlias)).toEqual([22n, 11n]);
});

test('a channel of an older store, which has no alias, has one from now on, always the same', () => {
  const pair = ready();
  const { params, funding } = coreOf(pair.a);
  const old = new Map(pair.a.disk).set(
    'static',
    encode(staticRecord, { params: { ...params, alias: undefined }, funding }),
  );
  const aliases = [restore(old), restore(old)].map((state) => summary(state)?.alias);
  expect(aliases[0]).toBe(aliases[1]);
  expect(aliases[0]).not.toBe(summary(restore(new Map(pair.a.disk)))?.alias);
});

test('an alias says a height that no block has, so that it never equals a real short_channel_id', () => {
  for (const bytes of [new Uint8Array(8), new Uint8Array(8).fill(0xff), Uint8Array.of(0, 12, 53, 0, 0, 1, 0, 0)]) {
    const alias = aliasFrom(bytes);
    expect(alias >> 40n).toBeGreaterThanOrEqual(4_194_304n);
    expect(alias).toBeLessThan(1n << 63n);
  }
});

test('an alias is said where option_scid_alias is negotiated, and only there', () => {
  const scidAlias = { ...features, scidAlias: true };
  const with_ = ready({ ...openRequest, features: scidAlias }, { ...acceptRequest, features: scidAlias });
  expect(summary(with_.a.state)?.peerAlias).toBe(22n);
  expect(summary(ready().a.state)?.peerAlias).toBeUndefined();
});
