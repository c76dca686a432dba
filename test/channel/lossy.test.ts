/** Two machines, a wire that loses things, processes that die: whatever happens, no satoshi appears or vanishes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { records, restore } from '../../channel/model/persist.ts';
import { inLocal, specOf } from '../../channel/model/spec.ts';
import { wantsToSign } from '../../channel/phases/transition.ts';
import { localCommitment, remoteCommitment } from '../../channel/rules/commitmentupdates.ts';
import { equal, hex } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { propertyRuns } from '../support/runs.ts';
import {
  acceptRequest,
  anchorsRequest,
  context,
  coreOf,
  cut,
  deliver,
  give,
  join,
  kept,
  offerOf,
  openRequest,
  type Pair,
  ready,
  restart,
  type Side,
  secretOf,
  settle,
} from './pair.ts';
import { summary } from './summary.ts';

const runs = propertyRuns(12);
const timeout = 120_000 + runs * 3_000;

const CAPACITY = 1_000_000n;
const PUSH = 400_000_000n;
/** Limits small enough to be reached, and not the same on both sides. */
const open = {
  ...openRequest,
  push: msat(PUSH),
  limits: { ...openRequest.limits, maxAcceptedHtlcs: 6, maxHtlcValueInFlight: msat(500_000_000n) },
};
const accept = {
  ...acceptRequest,
  limits: { ...acceptRequest.limits, maxAcceptedHtlcs: 5, maxHtlcValueInFlight: msat(590_000_000n) },
};

type Move =
  | { readonly do: 'offer'; readonly side: 'a' | 'b'; readonly amount: bigint }
  | { readonly do: 'run'; readonly sides: readonly ('a' | 'b')[] }
  | { readonly do: 'restart' | 'offer all'; readonly side: 'a' | 'b' }
  | { readonly do: 'end'; readonly side: 'a' | 'b'; readonly which: number; readonly how: number }
  | { readonly do: 'fee' | 'estimate'; readonly feerate: number }
  | { readonly do: 'cut' | 'join' };

const types = fc.constantFrom(openRequest.channelType, anchorsRequest.channelType);
const side = fc.constantFrom('a' as const, 'b' as const);
/** Dust, around the limits, and up to half of the channel. */
const amount = fc.oneof(fc.bigInt(1n, 400_000n), fc.bigInt(500_000n, 3_000_000n), fc.bigInt(1_000_000n, 500_000_000n));
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('offer' as const), side, amount }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('offer all' as const), side }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('run' as const), sides: fc.array(side, { maxLength: 10 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('end' as const), side, which: fc.nat(9), how: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('fee' as const, 'estimate' as const),
      feerate: fc.integer({ min: 253, max: 5000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), side }) },
  { weight: 2, arbitrary: fc.constant<Move>({ do: 'cut' }) },
  { weight: 4, arbitrary: fc.constant<Move>({ do: 'join' }) },
);

/** What the node around a channel knows: which offers were made, and what became of them. */
interface Books {
  offers: number;
  /** Outcome by number of the offer. */
  readonly fates: Map<number, Set<string>>;
  /** How the receiver ends each: once decided, a node does not change its mind. */
  readonly decided: Map<number, number>;
  /** What each offer would move from a to b. */
  readonly moves: bigint[];
  /** Incoming HTLCs waiting for an answer, by side and id: the number of their secret. */
  readonly waiting: Record<'a' | 'b', Map<bigint, number>>;
  readonly ended: Record<'a' | 'b', Set<bigint>>;
  connected: boolean;
}

const conserved = (s: Side): void => {
  const core = coreOf(s);
  const spec = specOf(core, inLocal(core.head.local));
  const inFlight = spec.htlcs.reduce((sum, { amount }) => sum + amount, 0n);
  expect(spec.toUs + spec.toThem + inFlight).toBe(CAPACITY * 1000n);
  expect(spec.toUs >= 0n && spec.toThem >= 0n).toBe(true);
};

const sameRecords = (a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean =>
  a.size === b.size && [...a].every(([key, value]) => equal(value, b.get(key) ?? new Uint8Array()));

/** The disk holds exactly what the state says must be kept, and gives back a state that says the same. */
const durable = (s: Side): void => {
  const wanted = records(s.state);
  expect(sameRecords(new Map([...s.disk].filter(([key]) => !key.startsWith('past/'))), wanted)).toBe(true);
  expect(sameRecords(records(restore(wanted)), wanted)).toBe(true);
};

const drain = (pair: Pair, books: Books): void => {
  for (const name of ['a', 'b'] as const) {
    const s = pair[name];
    for (const event of s.events.splice(0)) {
      if (event.event === 'received') books.waiting[name].set(event.id, event.onion[0] ?? 0);
      if (event.event === 'settled') books.ended[name].delete(event.id);
      if (event.event === 'offer_refused' || event.event === 'resolved') {
        const n = (event.origin[0] ?? 0) + 256 * (event.origin[1] ?? 0);
        const how = event.event === 'resolved' ? event.result.kind : 'refused';
        books.fates.set(n, (books.fates.get(n) ?? new Set()).add(how));
        if (event.event === 'resolved') give(pair, s, { type: 'acknowledge', id: event.id });
      }
      if (event.event === 'failed' || event.event === 'warned')
        throw new Error(`${name}: ${JSON.stringify(event, (_, v) => (typeof v === 'bigint' ? String(v) : v))}`);
    }
    if (s.asked.some((effect) => effect.do === 'disconnect')) throw new Error('disconnect asked for');
  }
};

const play = (pair: Pair, books: Books, m: Move): void => {
  switch (m.do) {
    case 'offer':
      books.moves.push(m.side === 'a' ? m.amount : -m.amount);
      give(pair, pair[m.side], offerOf(m.amount, books.offers++));
      break;
    case 'offer all': {
      // What a channel says it can spend must be what it lets us spend.
      const most = summary(pair[m.side].state, context)?.spendable ?? 0n;
      if (most === 0n) break;
      books.moves.push(m.side === 'a' ? most : -most);
      const refused = pair[m.side].events.length;
      give(pair, pair[m.side], offerOf(most, books.offers++));
      expect(pair[m.side].events).toHaveLength(refused);
      break;
    }
    case 'run':
      for (const name of m.sides)
        if (!deliver(pair, pair[name]) && wantsToSign(pair[name].state)) give(pair, pair[name], { type: 'sign' });
      break;
    case 'end': {
      const waiting = [...books.waiting[m.side]];
      const found = waiting[m.which % Math.max(1, waiting.length)];
      if (found === undefined) break;
      const [id] = found;
      endOne(pair, books, m.side, id, m.how);
      break;
    }
    case 'fee':
      give(pair, pair.a, { type: 'update_fee', feerate: m.feerate });
      break;
    case 'estimate':
      give(pair, pair.a, { type: 'update_fee' }, { ...context, feerate: m.feerate });
      break;
    case 'cut':
      cut(pair);
      books.connected = false;
      break;
    case 'join':
      if (!books.connected) join(pair);
      books.connected = true;
      break;
    case 'restart':
      cut(pair);
      books.connected = false;
      books.waiting[m.side].clear();
      restart(pair, pair[m.side]);
  }
  drain(pair, books);
};

const numberOfHash = (books: Books, hash: Uint8Array): number => {
  for (let n = 0; n < books.offers; n++) if (hex(offerOf(1n, n).paymentHash) === hex(hash)) return n;
  throw new Error('an HTLC that nobody offered');
};

const endOne = (pair: Pair, books: Books, name: 'a' | 'b', id: bigint, wish: number): void => {
  const s = pair[name];
  const htlc = coreOf(s).incoming.get(id);
  books.waiting[name].delete(id);
  if (htlc === undefined) return;
  const n = numberOfHash(books, htlc.paymentHash);
  const how = books.decided.get(n) ?? wish;
  books.decided.set(n, how);
  if (how === 0) give(pair, s, { type: 'fulfill', id, preimage: secretOf(n) });
  else if (how === 1) give(pair, s, { type: 'fail', id, reason: Uint8Array.of(1, 2, 3) });
  else give(pair, s, { type: 'fail_malformed', id, sha256OfOnion: new Uint8Array(32), failureCode: 0xc005 });
};

/** Reconnects, answers everything, lets all come to rest. */
const rest = (pair: Pair, books: Books): void => {
  if (!books.connected) join(pair);
  books.connected = true;
  settle(pair);
  drain(pair, books);
  for (const name of ['a', 'b'] as const)
    for (const id of [...books.waiting[name].keys()]) endOne(pair, books, name, id, Number(id % 2n));
  settle(pair);
  drain(pair, books);
};

const agree = ({ a, b }: Pair): void => {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const)
    expect(hex(localCommitment(coreOf(one)).txid)).toBe(
      hex(remoteCommitment(coreOf(other), 'current')?.txid ?? new Uint8Array()),
    );
};

test('whatever is lost, balances add up, each HTLC ends once, both sides agree when quiet, the disk holds what it must', {
  timeout,
}, () => {
  fc.assert(
    fc.property(types, fc.array(move, { minLength: 10, maxLength: 60, size: 'max' }), (channelType, moves) => {
      const pair = ready({ ...open, channelType }, accept);
      pair.a.events.length = 0;
      pair.b.events.length = 0;
      pair.a.asked.length = 0;
      pair.b.asked.length = 0;
      const books: Books = {
        offers: 0,
        fates: new Map(),
        decided: new Map(),
        moves: [],
        waiting: { a: new Map(), b: new Map() },
        ended: { a: new Set(), b: new Set() },
        connected: true,
      };
      for (const s of [pair.a, pair.b])
        s.check = (checked) => {
          conserved(checked);
          durable(checked);
        };
      for (const m of moves) play(pair, books, m);
      rest(pair, books);
      agree(pair);
      for (let n = 0; n < books.offers; n++) expect([...(books.fates.get(n) ?? [])]).toHaveLength(1);
      expect(books.fates.size).toBe(books.offers);
      const moved = books.moves.reduce((sum, m, n) => (books.fates.get(n)?.has('fulfilled') ? sum + m : sum), 0n);
      const { toUs, toThem } = specOf(coreOf(pair.a), inLocal(coreOf(pair.a).head.local));
      expect([toUs, toThem]).toEqual([CAPACITY * 1000n - PUSH - moved, PUSH + moved]);
    }),
    { numRuns: runs },
  );
});

test('a channel restored from its records equals the channel that was saved', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(5_000_000n, 1));
  settle(pair);
  const before = kept(pair.a);
  cut(pair);
  restart(pair, pair.a);
  expect(kept(pair.a)).toEqual(before);
});
