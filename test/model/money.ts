/** Who has what when a run is over, to the millisatoshi where no channel went to the chain by itself, and what all that cost. */
import type { Transaction } from 'bitcoinjs-lib';
import { inLocal, specOf } from '../../channel/spec.ts';
import { outpointKey } from '../../node/chain/watch.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { hex } from '../../wire/bytes.ts';
import { type Base, CAPACITY, PUSH } from './base.ts';
import { names } from './names.ts';
import type { World } from './world.ts';

/** Millisatoshi that payments moved to each node, as their payers account for it. */
const moved = ({ books }: World): readonly bigint[] => {
  const sums = names.map(() => 0n);
  const add = (place: number, amount: bigint): void => {
    sums[place] = (sums[place] ?? 0n) + amount;
  };
  for (const { id, from, to } of books.payments.values()) {
    const end = books.kept.get(id)?.end;
    if (end === undefined) continue;
    add(from, -end.sent);
    add(to, end.delivered);
    // Whoever stands between them.
    if (from !== 1 && to !== 1) add(1, end.sent - end.delivered);
  }
  return sums;
};

/** Millisatoshi of each node: its side of open channels, and coins on chain that its wallet can spend. */
const wealth = (world: World, { owners }: Base): readonly bigint[] =>
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

/** BIP 125 and BOLT 3: the sequence of a commitment's input says that it is one. */
const isCommitment = ({ ins }: Transaction): boolean => (ins[0]?.sequence ?? 0) >>> 24 === 0x80;

/** A channel that ended: its link, who pays its miners, and the transaction that spent its funding output. */
export interface Ending {
  readonly link: number;
  readonly funder: number;
  readonly tx: Transaction;
  readonly fee: bigint;
  readonly unilateral: boolean;
}

export const endingsOf = (world: World, base: Base): readonly Ending[] =>
  [...world.ledger.minedSince(base.ledger.tip.height)].flatMap(({ tx, fee }) =>
    tx.ins.flatMap(({ hash, index }) => {
      const funding = base.fundings.get(outpointKey(hash, index));
      return funding === undefined ? [] : [{ ...funding, tx, fee, unilateral: isCommitment(tx) }];
    }),
  );

/** Unspent outputs that come from a transaction, not counting what wallets hold. */
const unclaimed = (world: World, { owners }: Base, from: Transaction): bigint => {
  const { coins } = world.ledger;
  const family = new Set([hex(from.getHash())]);
  let sum = 0n;
  const visit = (tx: Transaction): void => {
    const id = hex(tx.getHash());
    tx.outs.forEach((_, vout) => {
      const coin = coins.get(`${id}:${vout}`);
      if (coin !== undefined && !owners.has(hex(coin.script))) sum += coin.value;
    });
  };
  visit(from);
  for (const { tx } of world.ledger.minedSince(world.first)) {
    if (!tx.ins.some(({ hash }) => family.has(hex(hash))) || family.has(hex(tx.getHash()))) continue;
    family.add(hex(tx.getHash()));
    visit(tx);
  }
  return sum;
};

/** Two anchors, in satoshi: the funder pays for both, and either side may take its own. */
const ANCHORS = 660n;

/** What a run may cost each node beside its payments, in millisatoshi: what it paid to miners, and what cannot be had. */
const costs = (world: World, base: Base) => {
  const paid = names.map(() => 0n);
  const slack = names.map(() => 0n);
  const add = (sums: bigint[], place: number, amount: bigint): void => {
    sums[place] = (sums[place] ?? 0n) + amount;
  };
  const endings = endingsOf(world, base);
  for (const { link, funder, tx, fee, unilateral } of endings) {
    add(paid, funder, fee * 1000n);
    // Outputs are whole satoshis. HTLCs without an output are in the fee, whosever they were.
    const lost = unilateral ? fee + ANCHORS + unclaimed(world, base, tx) + 10n : 1n;
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
const startOf = (base: Base): readonly bigint[] =>
  names.map((_, place) => {
    let sum = 0n;
    for (const { funder, link } of base.fundings.values())
      if (place === link || place === link + 1) sum += place === funder ? CAPACITY * 1000n - PUSH : PUSH;
    for (const { script, value } of base.ledger.coins.values())
      if (base.owners.get(hex(script)) === place) sum += value * 1000n;
    return sum;
  });

/** Who has what: nothing was lost, and nobody has more than is due. */
export const balances = (world: World, base: Base): readonly string[] => {
  const [before, now, due] = [startOf(base), wealth(world, base), moved(world)];
  const { paid, slack } = costs(world, base);
  return names.flatMap((name, place) => {
    const expected = (before[place] ?? 0n) + (due[place] ?? 0n) - (paid[place] ?? 0n);
    const missing = expected - (now[place] ?? 0n);
    const most = slack[place] ?? 0n;
    return missing <= most && missing >= -most ? [] : [`${name} misses ${missing} msat, ${most} would be right`];
  });
};

/** The wallets know what is theirs. */
export const wallets = (world: World, { owners }: Base): readonly string[] =>
  world.sites.flatMap(({ node, place, name }) => {
    const coins = [...world.ledger.coins.values()].filter(({ script }) => owners.get(hex(script)) === place);
    const there = coins.reduce((sum, { value }) => sum + value, 0n);
    const known = node?.wallet.spendable(1);
    const promised = node?.wallet.owners() ?? [];
    return [
      ...(known === there ? [] : [`${name}'s wallet knows of ${known} sat of ${there}`]),
      ...promised.map((owner) => `${name}'s wallet keeps coins for ${owner}`),
    ];
  });
