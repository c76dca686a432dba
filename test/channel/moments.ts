/** A channel at every moment of its life, as one side of it has it: what messages may come to. */
import type { CommitmentFormat } from '../../channel/tx/commitmentformats.ts';
import { msat } from '../../wire/units.ts';
import {
  acceptRequest,
  begin,
  confirm,
  context,
  copied,
  cut,
  deliver,
  fund,
  give,
  join,
  offerOf,
  openRequest,
  type Pair,
  ready,
  type Side,
  settle,
} from './pair.ts';

export type Who = 'a' | 'b';
export type FormatName = CommitmentFormat['name'];

/** A pair of channels of which `who` is under test. `a` is the funder, `b` the fundee. */
export interface Moment {
  readonly who: Who;
  readonly format: FormatName;
  readonly pair: Pair;
}

/** The same moment once more, to be used up. */
export const again = ({ pair, ...of }: Moment): Moment => ({ ...of, pair: copied(pair) });

export const ours = ({ who, pair }: Moment): Side => pair[who];
export const theirs = ({ who, pair }: Moment): Side => pair[who === 'a' ? 'b' : 'a'];

const bounded = { ...acceptRequest.limits, maxHtlcValueInFlight: msat(500_000_000n), maxAcceptedHtlcs: 5 };
/** Every moment by a short name, in the order of a channel's life. */
const makersOf = (format: FormatName): Readonly<Record<string, readonly [Who, () => Pair]>> => {
  const open = { ...openRequest, channelType: { format, scidAlias: false }, push: msat(490_000_000n) };
  const accept = { ...acceptRequest, limits: { ...bounded, htlcMinimum: msat(1000n) } };

  const opening = (bring: (pair: Pair) => void = () => undefined): Pair => {
    const pair = begin(open, accept);
    bring(pair);
    return pair;
  };

  /** Funding agreed, not confirmed. */
  const unconfirmed = (): Pair =>
    opening((pair) => {
      deliver(pair, pair.a);
      fund(pair);
      settle(pair);
    });

  /** HTLC 0 of either side in flight. */
  const busy = (): Pair => {
    const pair = ready(open, accept);
    give(pair, pair.a, offerOf(5_000_000n, 1));
    give(pair, pair.b, offerOf(6_000_000n, 2));
    settle(pair);
    return pair;
  };

  const busyThen = (bring: (pair: Pair) => void): Pair => {
    const pair = busy();
    bring(pair);
    return pair;
  };

  const idleThen = (bring: (pair: Pair) => void): Pair => {
    const pair = ready(open, accept);
    bring(pair);
    return pair;
  };

  /** Both said shutdown and nothing is in flight; the funder's first closing_signed is on its way. */
  const closing = (pair: Pair): void => {
    give(pair, pair.b, { type: 'close' });
    deliver(pair, pair.a);
    deliver(pair, pair.b);
  };

  return {
    accept: ['a', () => opening()],
    wallet: ['a', () => opening((pair) => void deliver(pair, pair.a))],
    signed: [
      'a',
      () =>
        opening((pair) => {
          deliver(pair, pair.a);
          fund(pair);
        }),
    ],
    created: ['b', () => opening()],
    depth: ['b', unconfirmed],
    ready: [
      'b',
      () => {
        const pair = unconfirmed();
        confirm(pair);
        pair.b.inbox = [];
        return pair;
      },
    ],
    fundee: ['b', busy],
    funder: ['a', busy],
    signing: [
      'b',
      () =>
        busyThen((pair) => {
          give(pair, pair.b, offerOf(7_000_000n, 3));
          give(pair, pair.b, { type: 'sign' });
        }),
    ],
    offline: ['b', () => busyThen(cut)],
    syncing: [
      'b',
      () =>
        busyThen((pair) => {
          cut(pair);
          join(pair);
          pair.b.inbox = [];
        }),
    ],
    we: ['b', () => busyThen((pair) => give(pair, pair.b, { type: 'close' }))],
    they: [
      'b',
      () =>
        busyThen((pair) => {
          give(pair, pair.b, offerOf(7_000_000n, 3));
          give(pair, pair.a, { type: 'close' });
          deliver(pair, pair.b);
        }),
    ],
    both: [
      'b',
      () =>
        busyThen((pair) => {
          give(pair, pair.b, { type: 'close' });
          settle(pair);
        }),
    ],
    proposed: ['a', () => idleThen(closing)],
    waiting: ['b', () => idleThen(closing)],
    agreed: [
      'a',
      () =>
        idleThen((pair) => {
          closing(pair);
          deliver(pair, pair.b);
          deliver(pair, pair.a);
        }),
    ],
    resyncing: [
      'b',
      () =>
        idleThen((pair) => {
          closing(pair);
          cut(pair);
          join(pair);
          pair.b.inbox = [];
        }),
    ],
    roundless: [
      'b',
      () =>
        idleThen((pair) => {
          closing(pair);
          cut(pair);
          join(pair);
          deliver(pair, pair.b);
        }),
    ],
    failed: ['b', () => busyThen((pair) => give(pair, pair.b, { type: 'force_close' }))],
    onchain: [
      'b',
      () =>
        busyThen((pair) => {
          give(pair, pair.b, { type: 'force_close' });
          const tx = pair.b.broadcasts.at(-1)?.tx ?? new Uint8Array();
          give(pair, pair.b, { type: 'funding_spent', tx, height: 501 });
        }),
    ],
    closed: [
      'b',
      () =>
        idleThen((pair) => {
          give(pair, pair.a, { type: 'close' });
          settle(pair);
          const tx = pair.b.broadcasts.at(-1)?.tx ?? new Uint8Array();
          give(pair, pair.b, { type: 'funding_spent', tx, height: 501 });
          give(pair, pair.b, { type: 'block', height: 700 }, { ...context, height: 700 });
        }),
    ],
    forgotten: [
      'a',
      () =>
        opening((pair) => {
          give(pair, pair.a, { type: 'force_close' });
        }),
    ],
  };
};

const makers = {
  static_remotekey: makersOf('static_remotekey'),
  anchors_zero_fee_htlc_tx: makersOf('anchors_zero_fee_htlc_tx'),
};
const made = new Map<string, Moment>();

/** A moment of a channel of that kind, by its name, made once. */
export const momentOf = (name: string, format: FormatName): Moment => {
  const known = made.get(`${format} ${name}`);
  if (known !== undefined) return again(known);
  const maker = makers[format][name];
  if (maker === undefined) throw new Error(`no moment ${name}`);
  const moment = { who: maker[0], format, pair: maker[1]() };
  made.set(`${format} ${name}`, moment);
  return again(moment);
};
