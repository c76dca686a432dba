/**
 * Accounts of a demonstration: what every node had, what changed it, what it has. Each column must add up to the node's wallet, and all
 * wallets with all miners' fees to what the faucet gave, to the satoshi.
 */
import { type Column, satText, tableLines } from '../../base/table.ts';

/** A channel from opening to closing. `opener` paid both transactions' fees. */
export interface ChannelLife {
  readonly scid: string;
  readonly opener: string;
  readonly other: string;
  readonly capacitySat: bigint;
  /** What the miner got, by the chain's own account. */
  readonly openingFeeSat: bigint;
  readonly closingFeeSat: bigint;
  /** msat of the opener and of the other. */
  readonly before: readonly [bigint, bigint];
  readonly after: readonly [bigint, bigint];
}

export interface Books {
  readonly names: readonly string[];
  /** Satoshi that the faucet gave, by name. */
  readonly funded: ReadonlyMap<string, bigint>;
  readonly channels: readonly ChannelLife[];
  /** msat each node paid (below zero) or received, routing fees not counted. */
  readonly payments: ReadonlyMap<string, bigint>;
  /** Satoshi in each wallet at the end, as the node says. */
  readonly wallets: ReadonlyMap<string, bigint>;
}

/** One line: a label and msat for each node, in the order of the names. */
export interface Entry {
  readonly label: string;
  readonly amounts: readonly bigint[];
}

export interface Ledger {
  readonly names: readonly string[];
  readonly entries: readonly Entry[];
  /** What the entries add up to, msat. */
  readonly expected: readonly bigint[];
  /** What the wallets hold, msat. */
  readonly reported: readonly bigint[];
  /** Whether those agree, for every node. */
  readonly agrees: boolean;
  /** Whether all wallets and all miners' fees are what was handed out. */
  readonly conserved: boolean;
  /** What all forwarding nodes together earned, msat. */
  readonly routingFees: bigint;
}

const sum = (amounts: Iterable<bigint>): bigint => {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return total;
};

/** Millisatoshis of both sides that no output of the closing transaction can hold. */
const lost = ({ after: [a, b] }: ChannelLife): bigint => (a % 1000n) + (b % 1000n);

/** Computes the accounts. */
export const ledgerOf = ({ names, funded, channels, payments, wallets }: Books): Ledger => {
  const each = (label: string, amount: (name: string) => bigint): Entry => ({ label, amounts: names.map(amount) });
  const opened = (name: string): readonly ChannelLife[] => channels.filter(({ opener }) => opener === name);
  const sides = (name: string, when: 'before' | 'after'): readonly bigint[] =>
    channels.flatMap((channel) => [
      ...(channel.opener === name ? [channel[when][0]] : []),
      ...(channel.other === name ? [channel[when][1]] : []),
    ]);
  const changed = (name: string): bigint => sum(sides(name, 'after')) - sum(sides(name, 'before'));
  const paid = (name: string): bigint => payments.get(name) ?? 0n;

  const routing = each('routing fees', (name) => changed(name) - paid(name));
  const entries = [
    each('handed out', (name) => (funded.get(name) ?? 0n) * 1000n),
    each('miners’ fees, opening', (name) => -sum(opened(name).map(({ openingFeeSat }) => openingFeeSat * 1000n))),
    each('paid and received', paid),
    routing,
    each('below a satoshi, dropped', (name) => -sum(sides(name, 'after').map((amount) => amount % 1000n))),
    each('miners’ fees, closing', (name) => -sum(opened(name).map((one) => one.closingFeeSat * 1000n - lost(one)))),
  ];
  const expected = names.map((_, i) => sum(entries.map(({ amounts }) => amounts[i] ?? 0n)));
  const reported = names.map((name) => (wallets.get(name) ?? 0n) * 1000n);
  const fees = sum(channels.map(({ openingFeeSat, closingFeeSat }) => openingFeeSat + closingFeeSat));
  return {
    names,
    entries,
    expected,
    reported,
    agrees: names.every((_, i) => expected[i] === reported[i]),
    conserved: sum(wallets.values()) + fees === sum(funded.values()),
    routingFees: sum(routing.amounts.filter((amount) => amount > 0n)),
  };
};

/** Satoshi of a signed amount in msat. */
export const signedSat = (msat: bigint): string =>
  msat < 0n ? `−${satText((-msat).toString())}` : satText(msat.toString());

/** Columns from which on tables have all they can show. */
const wide = 110;

/** Labels for narrow tables. */
const shorter: Readonly<Record<string, string>> = {
  'miners’ fees, opening': 'fees, opening',
  'miners’ fees, closing': 'fees, closing',
  'paid and received': 'paid, received',
  'below a satoshi, dropped': 'dropped',
};

/** The ledger as a table: an entry a line, a node a column, and, where there is room, what each line sums up to. */
export const ledgerLines = ({ names, entries, expected, reported }: Ledger, width = wide): readonly string[] => {
  const isWide = width >= wide;
  const rows = [...entries, { label: 'should be', amounts: expected }, { label: 'wallet says', amounts: reported }];
  const lines = tableLines(
    [
      { title: 'sat', cell: ({ label }: Entry) => (isWide ? label : (shorter[label] ?? label)) },
      ...names.map((title, i) => ({
        title,
        cell: ({ amounts }: Entry) => signedSat(amounts[i] ?? 0n),
        right: true as const,
      })),
      ...(isWide
        ? [{ title: 'all', cell: ({ amounts }: Entry) => signedSat(sum(amounts)), right: true as const }]
        : []),
    ],
    rows,
  );
  const rule = '─'.repeat(Math.max(...lines.map((line) => line.length)));
  return [...lines.slice(0, -2), rule, ...lines.slice(-2)];
};

const feeColumns: readonly Column<ChannelLife>[] = [
  { title: 'fee to open', cell: ({ openingFeeSat }) => signedSat(openingFeeSat * 1000n), right: true },
  { title: 'fee to close', cell: ({ closingFeeSat }) => signedSat(closingFeeSat * 1000n), right: true },
];

/** The channels' balances before and after, both ends of each. */
export const channelLines = (channels: readonly ChannelLife[], width = wide): readonly string[] =>
  tableLines<ChannelLife>(
    [
      { title: 'channel', cell: ({ scid }) => scid },
      { title: 'between', cell: ({ opener, other }) => `${opener}–${other}` },
      { title: 'before', cell: ({ before: [a, b] }) => `${signedSat(a)} | ${signedSat(b)}`, right: true },
      { title: 'after', cell: ({ after: [a, b] }) => `${signedSat(a)} | ${signedSat(b)}`, right: true },
      ...(width < wide ? [] : feeColumns),
    ],
    channels,
  );
