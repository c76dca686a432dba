/** What must be true when a run has come to rest. Every function returns what is wrong, in words; nothing where all is well. */

import type { PaymentRequest } from '../../amp/io.ts';
import { localCommitment, remoteCommitment } from '../../channel/dance.ts';
import { records } from '../../channel/persist.ts';
import { inLocal, specOf } from '../../channel/spec.ts';
import { outpointKey } from '../../node/chain/watch.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { CHANNELS } from '../../node/channels/onchain.ts';
import { equal, hex } from '../../wire/bytes.ts';
import { type Base, CAPACITY, channelOf, PUSH } from './base.ts';
import { names } from './names.ts';
import type { World } from './world.ts';

const stateOf = (world: World, place: number, channel: string) =>
  world.node(place)?.channels.entries.get(channel)?.machine.state;

/** A channel that is open: both ends hold the same commitments, and nothing is under way. */
const agreement = (world: World, link: number): readonly string[] => {
  const channel = channelOf(link);
  const [left, right] = [stateOf(world, link, channel), stateOf(world, link + 1, channel)];
  if (left?.phase !== 'open' || right?.phase !== 'open')
    return left?.phase === right?.phase
      ? []
      : [`${channel} is ${left?.phase} on the left and ${right?.phase} on the right`];
  return [
    [left.core, right.core],
    [right.core, left.core],
  ].flatMap(([one, other]) => {
    if (one === undefined || other === undefined) return [];
    const theirs = remoteCommitment(other, 'current')?.txid;
    return theirs !== undefined && equal(localCommitment(one).txid, theirs) ? [] : [`${channel}: commitments differ`];
  });
};

/** The disk holds exactly what the states say must be kept. */
const durable = (world: World, place: number): readonly string[] => {
  const { node, disk, name } = world.site(place);
  return [...(node?.channels.entries.values() ?? [])].flatMap(({ key, machine }) => {
    const wanted = records(machine.state);
    const prefix = `${CHANNELS}${key}/`;
    const found = [...disk.durable].filter(([one]) => one.startsWith(prefix) && !one.startsWith(`${prefix}past/`));
    const same = found.length === wanted.size;
    const all = found.every(([one, value]) => equal(value, wanted.get(one.slice(prefix.length)) ?? new Uint8Array()));
    return same && all ? [] : [`${name}: the records of ${key} are not those of its state`];
  });
};

const isAmp = (scheme: PaymentRequest['scheme']): boolean => scheme === 'fixed' || scheme === 'dynamic';

/** One final result for each payment, the same for everybody. */
const results = ({ books, sites }: World): readonly string[] =>
  [...books.payments.values()].flatMap(({ id, from, to, bill, scheme }) => {
    const kept = books.kept.get(id);
    const listed = sites[from]?.node?.payments.all().find((record) => record.id === id);
    // The payer died before anything of it was kept: it never was.
    if (kept === undefined) return listed === undefined ? [] : [`${id} is listed and not kept`];
    if (kept.end === undefined || listed?.status !== kept.status) return [`${id} has no final result: ${kept.status}`];
    const told = books.told.get(id);
    if (told !== undefined && told.status !== kept.status)
      return [`${id} was answered ${told.status}, is ${kept.status}`];
    const { delivered, parts, preimages } = kept.end;
    if (kept.status === 'complete' && (delivered !== kept.amount || parts === 0))
      return [`${id} is complete with ${delivered}`];
    if (kept.status === 'failed' && parts > 0) return [`${id} failed although ${delivered} msat were claimed`];
    if (bill === undefined || kept.status !== 'complete') return [];
    const invoice = sites[to]?.node?.invoices.labelled(`${bill}`);
    const mine = preimages.every((one) => invoice?.paid?.preimages.some((theirs) => equal(one, theirs)));
    const paid =
      invoice?.paid !== undefined && mine && (!isAmp(scheme) || preimages.length === invoice.paid.preimages.length);
    return paid ? [] : [`${id} is complete and its invoice is not`];
  });

/** An invoice that its payee takes for paid was paid by exactly one payment. */
const invoices = ({ books, sites }: World): readonly string[] =>
  sites.flatMap(({ node, place, name }) =>
    (node?.invoices.all() ?? []).flatMap(({ label, paid }) => {
      const by = [...books.payments.values()].filter(
        ({ id, to, bill }) => to === place && `${bill}` === label && books.kept.get(id)?.status === 'complete',
      );
      const expected = paid === undefined ? 0 : 1;
      return by.length === expected ? [] : [`${name}'s invoice ${label} was paid by ${by.length} payments`];
    }),
  );

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

/** What a run may cost each node beside its payments, in millisatoshi: what it paid to miners, and what rounding takes. */
const costs = (world: World, base: Base) => {
  const paid = names.map(() => 0n);
  const slack = names.map(() => 0n);
  const add = (sums: bigint[], place: number, amount: bigint): void => {
    sums[place] = (sums[place] ?? 0n) + amount;
  };
  for (const { tx, fee } of world.ledger.minedSince(base.ledger.tip.height)) {
    const funding = tx.ins.map(({ hash, index }) => base.fundings.get(outpointKey(hash, index))).find((one) => one);
    const place = funding?.funder ?? world.senders.get(hex(tx.getHash()));
    if (place !== undefined) add(paid, place, fee * 1000n);
    if (funding === undefined) continue;
    // Outputs are whole satoshis.
    add(slack, funding.link, 1000n);
    add(slack, funding.link + 1, 1000n);
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
const balances = (world: World, base: Base): readonly string[] => {
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
const wallets = (world: World, { owners }: Base): readonly string[] =>
  world.sites.flatMap(({ node, place, name }) => {
    const coins = [...world.ledger.coins.values()].filter(({ script }) => owners.get(hex(script)) === place);
    const there = coins.reduce((sum, { value }) => sum + value, 0n);
    const known = node?.wallet.spendable(1);
    return known === there ? [] : [`${name}'s wallet knows of ${known} sat of ${there}`];
  });

/** All that is wrong. */
export const judge = (world: World, base: Base): readonly string[] => [
  ...world.troubles,
  ...world.books.complaints,
  ...world.books.disagreements(),
  ...world.wires.links.flatMap((_, link) => agreement(world, link)),
  ...names.flatMap((_, place) => durable(world, place)),
  ...results(world),
  ...invoices(world),
  ...balances(world, base),
  ...wallets(world, base),
];
