/** Who has what when a run is over, to the millisatoshi where no channel went to the chain by itself, and what all that cost. */
import type { Transaction } from 'bitcoinjs-lib';
import { inLocal, specOf } from '../../channel/model/spec.ts';
import { outpointKey } from '../../node/chain/watchrules.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { equal, hex } from '../../wire/bytes.ts';
import { faucetScript } from './faucet.ts';
import { names } from './names.ts';
import { fundingsOf } from './openings.ts';
import { DUSTY } from './paying.ts';
import { CAPACITY, channelOf, PUSH, type Setup } from './setup.ts';
import type { World } from './world.ts';

/** Millisatoshi that payments moved to each node, as their payers account for it. */
const moved = ({ observed }: World): readonly bigint[] => {
  const sums = names.map(() => 0n);
  const add = (place: number, amount: bigint): void => {
    sums[place] = (sums[place] ?? 0n) + amount;
  };
  for (const { id, from, to } of observed.payments.values()) {
    const end = observed.kept.get(id)?.result;
    if (end === undefined) continue;
    add(from, -end.sent);
    add(to, end.delivered);
    // Whoever stands between them.
    if (from !== 1 && to !== 1) add(1, end.sent - end.delivered);
  }
  return sums;
};

/** Millisatoshi of each node: its side of open channels, and coins on chain that its wallet can spend. */
const wealth = (world: World, { owners }: Setup): readonly bigint[] =>
  names.map((_, place) => {
    let sum = 0n;
    for (const { machine } of world.node(place)?.channels.entries.values() ?? []) {
      const core = machine.state.phase === 'open' ? coreOf(machine.state) : undefined;
      if (core !== undefined) sum += specOf(core, inLocal(core.head.local)).toUs;
    }
    for (const { script, value } of world.ledger.coins.values())
      if (owners.get(hex(script)) === place) sum += value * 1000n;
    return sum;
  });

/** Millisatoshi that each node was given. */
const received = (world: World, { ledger, owners }: Setup): readonly bigint[] => {
  const sums = names.map(() => 0n);
  for (const { tx, spent } of world.ledger.minedSince(ledger.tip.height)) {
    if (!spent.some(({ script }) => equal(script, faucetScript))) continue;
    for (const { script, value } of tx.outs) {
      const owner = owners.get(hex(new Uint8Array(script)));
      if (owner !== undefined) sums[owner] = (sums[owner] ?? 0n) + value * 1000n;
    }
  }
  return sums;
};

/** BIP 125 and BOLT 3: the sequence of a commitment's input says that it is one. */
export const isCommitment = ({ ins }: Transaction): boolean => (ins[0]?.sequence ?? 0) >>> 24 === 0x80;

/** Bytes of the script that a funding output is spent by. */
const FUNDING_SCRIPT = 71;

/** Whether a transaction closes a channel by agreement. */
export const isClosing = (tx: Transaction): boolean =>
  tx.ins.length === 1 && tx.ins[0]?.witness.at(-1)?.length === FUNDING_SCRIPT && !isCommitment(tx);

/** Bytes that every script of an HTLC's output has, and no other of a channel. */
const HTLC_SCRIPT = 100;

/** Whether a transaction takes an HTLC's output. */
export const takesHtlc = ({ ins }: Transaction): boolean =>
  ins.some(({ witness }) => (witness.at(-1)?.length ?? 0) > HTLC_SCRIPT);

/** A channel that ended: its link, who pays its miners, and the transaction that spent its funding output. */
export interface Ending {
  readonly link: number;
  readonly funder: number;
  readonly tx: Transaction;
  readonly fee: bigint;
  readonly unilateral: boolean;
}

export const endingsOf = (world: World, base: Setup): readonly Ending[] => {
  const fundings = fundingsOf(world, base);
  return [...world.ledger.minedSince(base.ledger.tip.height)].flatMap(({ tx, fee }) =>
    tx.ins.flatMap(({ hash, index }) => {
      const funding = fundings.get(outpointKey(hash, index));
      return funding === undefined ? [] : [{ ...funding, tx, fee, unilateral: isCommitment(tx) }];
    }),
  );
};

/** What became of a channel's coins on chain, in satoshi. */
interface Estate {
  /** What each node's wallet has of it more than it put in. */
  readonly gains: readonly bigint[];
  /** Outputs that nobody took. */
  readonly left: readonly bigint[];
}

/** Follows the outputs of a transaction until they are in a wallet. */
const estateOf = (world: World, { owners }: Setup, from: Transaction): Estate => {
  const gains = names.map(() => 0n);
  const open = new Map<string, bigint>();
  const take = (tx: Transaction): void =>
    tx.outs.forEach(({ script, value }, vout) => {
      const owner = owners.get(hex(new Uint8Array(script)));
      if (owner === undefined) open.set(outpointKey(tx.getHash(), vout), value);
      else gains[owner] = (gains[owner] ?? 0n) + value;
    });
  take(from);
  for (const { tx, spent } of world.ledger.minedSince(world.first)) {
    const keys = tx.ins.map(({ hash, index }) => outpointKey(hash, index));
    if (!keys.some((key) => open.has(key))) continue;
    for (const [i, key] of keys.entries()) {
      const { script, value } = spent[i] ?? { script: new Uint8Array(), value: 0n };
      const owner = open.delete(key) ? undefined : owners.get(hex(script));
      if (owner !== undefined) gains[owner] = (gains[owner] ?? 0n) - value;
    }
    take(tx);
  }
  return { gains, left: [...open.values()] };
};

/** Satoshi that may be left on chain, since claiming them costs more than it brings; where the chain stays dear, as much as it does. */
const worthlessIn = ({ staysHigh, highestFeerate }: World): bigint =>
  BigInt(staysHigh ? Math.max(1500, highestFeerate) : 1500);

/** Outputs of channels that an honest node should have claimed. */
export const unclaimedOutputs = (world: World, base: Setup): readonly string[] =>
  endingsOf(world, base).flatMap(({ link, tx }) =>
    estateOf(world, base, tx)
      .left.filter((value) => value > worthlessIn(world) && world.isHonest(link) && world.isHonest(link + 1))
      .map((value) => `${value} sat of ${channelOf(link)} lie on chain for nobody`),
  );

/** The most that a closing may cost who pays for it, sat per 1,000 weight: twice the estimate, or what a node always offers. */
const mostFor = ({ highestFeerate }: World): number => Math.max(2 * highestFeerate, 2530);
/** Satoshi of outputs too small to stand in a closing. */
const CRUMBS = 1100n;

/** Closings that an honest node paid more for than it should have. */
export const overpaidClosings = (world: World, base: Setup): readonly string[] =>
  endingsOf(world, base).flatMap(({ link, funder, tx, fee, unilateral }) => {
    const most = (BigInt(tx.weight() + 300) * BigInt(mostFor(world))) / 1000n + CRUMBS;
    return unilateral || !world.isHonest(funder) || fee <= most
      ? []
      : [`the closing of ${channelOf(link)} cost ${names[funder]} ${fee} sat, ${most} would be right`];
  });

/** Whether a transaction takes a balance of a channel that only its maker can take, however long that takes. */
const isSweep = ({ ins }: Transaction): boolean =>
  ins.length === 1 &&
  ins.every(({ witness }) => {
    const [script, branch] = [witness.at(-1)?.length ?? 0, witness.at(-2) ?? new Uint8Array()];
    return witness.length > 1 && script < FUNDING_SCRIPT + 10 && script !== FUNDING_SCRIPT && branch[0] !== 1;
  });

/** How many times the highest estimate of a run what nobody hurries may pay, a replacement's own fee included. */
const PATIENT = 4n;

/** Sweeps that honest nodes paid too much for. */
export const overpaidSweeps = (world: World, base: Setup): readonly string[] =>
  [...world.ledger.minedSince(base.ledger.tip.height)].flatMap(({ tx, fee }) => {
    const place = world.senders.get(hex(tx.getHash()));
    const most = (BigInt(tx.weight()) * BigInt(world.highestFeerate) * PATIENT) / 1000n;
    return place !== undefined && world.isHonest(place) && isSweep(tx) && fee > most
      ? [`${names[place]} paid ${fee} sat for the sweep ${tx.getId().slice(0, 8)}, ${most} would be right`]
      : [];
  });

/** What a node gained by publishing a revoked commitment: it must be nothing. */
export const stolen = (world: World, base: Setup): readonly string[] =>
  endingsOf(world, base).flatMap(({ link, tx }) =>
    [link, link + 1].flatMap((place) => {
      const victim = world.channel(2 * link + 1 - place, channelOf(link));
      const revoked = victim !== undefined && 'by' in victim && victim.by === 'revoked';
      const gain = estateOf(world, base, tx).gains[place] ?? 0n;
      return world.isThief(place) && revoked && gain > 0n
        ? [`the thief ${names[place]} gained ${gain} sat by a revoked commitment`]
        : [];
    }),
  );

/** Two anchors, in satoshi: the funder pays for both, and either side may take its own. */
const ANCHORS = 660n;

/** What a run may cost each node beside its payments, in millisatoshi: what it paid to miners, and what cannot be had. */
const costs = (world: World, base: Setup) => {
  const paid = names.map(() => 0n);
  const slack = names.map(() => 0n);
  const add = (sums: bigint[], place: number, amount: bigint): void => {
    sums[place] = (sums[place] ?? 0n) + amount;
  };
  const endings = endingsOf(world, base);
  for (const { link, funder, tx, fee, unilateral } of endings) {
    add(paid, funder, fee * 1000n);
    // Outputs are whole satoshis. HTLCs without an output are in the fee, whosever they were.
    const { left } = estateOf(world, base, tx);
    const worthless = left.reduce((sum, value) => (value > worthlessIn(world) ? sum : sum + value), 0n);
    const lost = unilateral ? fee + ANCHORS + worthless + 10n : 1n;
    add(slack, link, lost * 1000n);
    add(slack, link + 1, lost * 1000n);
  }
  const ends = new Set(endings.map(({ tx }) => tx));
  for (const { tx, fee } of world.ledger.minedSince(base.ledger.tip.height)) {
    const place = world.senders.get(hex(tx.getHash()));
    if (place !== undefined && !ends.has(tx)) add(paid, place, fee * 1000n);
  }
  return { paid, slack };
};

/** Millisatoshi of each node before the run. */
const startOf = (base: Setup): readonly bigint[] =>
  names.map((_, place) => {
    let sum = 0n;
    for (const { funder, link } of base.fundings.values())
      if (place === link || place === link + 1) sum += place === funder ? CAPACITY * 1000n - PUSH : PUSH;
    for (const { script, value } of base.ledger.coins.values())
      if (base.owners.get(hex(script)) === place) sum += value * 1000n;
    return sum;
  });

/** Millisatoshi of payments that may have reached their payee and been lost on the way: in commitments without an output. */
const dusty = ({ observed }: World): bigint =>
  [...observed.kept.values()].reduce((sum, { amount }) => (amount < DUSTY ? sum + amount : sum), 0n);

/** Who has what: no honest node lost anything, and, among honest nodes, nobody has more than is due. */
export const balances = (world: World, base: Setup): readonly string[] => {
  const [before, now, due] = [startOf(base), wealth(world, base), moved(world)];
  const { paid, slack } = costs(world, base);
  const given = received(world, base);
  const dust = endingsOf(world, base).some(({ unilateral }) => unilateral) ? dusty(world) : 0n;
  return names.flatMap((name, place) => {
    const expected = (before[place] ?? 0n) + (due[place] ?? 0n) + (given[place] ?? 0n) - (paid[place] ?? 0n);
    const missing = expected - (now[place] ?? 0n);
    const most = slack[place] ?? 0n;
    const less = missing > most && world.isHonest(place);
    const more = missing < -most - dust && world.faulty === undefined;
    return less || more ? [`${name} misses ${missing} msat, ${most} would be right`] : [];
  });
};

/** The wallets know what is theirs. */
export const wallets = (world: World, { owners }: Setup): readonly string[] =>
  world.sites.flatMap(({ node, place, name }) => {
    if (!world.isHonest(place)) return [];
    const coins = [...world.ledger.coins.values()].filter(({ script }) => owners.get(hex(script)) === place);
    const there = coins.reduce((sum, { value }) => sum + value, 0n);
    const known = node?.wallet.spendable(1);
    const promised = node?.wallet.owners() ?? [];
    return [
      ...(known === there ? [] : [`${name}'s wallet knows of ${known} sat of ${there}`]),
      ...promised.map((owner) => `${name}'s wallet keeps coins for ${owner}`),
    ];
  });
