/**
 * BOLT 9: features, where each may appear and what it depends on. A set of features is a bitmap as it stands in messages:
 * big-endian, bit 0 last; the even bit of a pair means required, the odd one optional.
 */

/** init, node_announcement, channel_announcement, BOLT 11 invoice, blinded path, channel_type. */
export type FeatureContext = 'I' | 'N' | 'C' | '9' | 'B' | 'T';
interface Feature {
  /** The even bit of the pair. */
  readonly bit: number;
  readonly contexts: string;
  readonly requires: readonly string[];
  /** Every node has it, set or not (BOLT 9, "ASSUMED"); the contexts are those where older nodes look for it. */
  readonly assumed?: true;
}

export const features = {
  option_data_loss_protect: { bit: 0, contexts: 'IN', requires: [], assumed: true },
  option_upfront_shutdown_script: { bit: 4, contexts: 'IN', requires: [] },
  gossip_queries: { bit: 6, contexts: 'IN', requires: [] },
  var_onion_optin: { bit: 8, contexts: 'IN9', requires: [], assumed: true },
  gossip_queries_ex: { bit: 10, contexts: 'IN', requires: [] },
  option_static_remotekey: { bit: 12, contexts: 'INT', requires: [], assumed: true },
  payment_secret: { bit: 14, contexts: 'IN9', requires: [], assumed: true },
  basic_mpp: { bit: 16, contexts: 'IN9', requires: ['payment_secret'] },
  option_support_large_channel: { bit: 18, contexts: 'IN', requires: [] },
  option_anchors: { bit: 22, contexts: 'INT', requires: [] },
  option_route_blinding: { bit: 24, contexts: 'IN9', requires: [] },
  option_shutdown_anysegwit: { bit: 26, contexts: 'IN', requires: [] },
  option_dual_fund: { bit: 28, contexts: 'IN', requires: [] },
  /** Not in the BOLTs: record 14 of the onion, deployed by lnd. */
  amp: { bit: 30, contexts: 'IN9', requires: ['payment_secret'] },
  option_quiesce: { bit: 34, contexts: 'IN', requires: [] },
  option_attribution_data: { bit: 36, contexts: 'IN9', requires: [] },
  option_onion_messages: { bit: 38, contexts: 'IN', requires: [] },
  option_provide_storage: { bit: 42, contexts: 'IN', requires: [] },
  option_channel_type: { bit: 44, contexts: 'IN', requires: [], assumed: true },
  option_scid_alias: { bit: 46, contexts: 'INT', requires: [] },
  option_payment_metadata: { bit: 48, contexts: '9', requires: [] },
  option_zeroconf: { bit: 50, contexts: 'INT', requires: ['option_scid_alias'] },
  /** Not in the BOLTs: record 5482373484 of the onion, a payment without an invoice. */
  keysend: { bit: 54, contexts: 'N', requires: [] },
  option_simple_close: { bit: 60, contexts: 'IN', requires: ['option_shutdown_anysegwit'] },
  option_splice: { bit: 62, contexts: 'IN', requires: [] },
  /** Not in the BOLTs: AMP over the 65-byte frame with extra onion blobs. */
  option_eob_amp: { bit: 170, contexts: 'IN9', requires: ['payment_secret'] },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof features;
export type FeatureChoice = Readonly<Partial<Record<FeatureName, 'required' | 'optional'>>>;

const rows: readonly (readonly [FeatureName, Feature])[] = Object.entries(features) as [FeatureName, Feature][];
const known = new Map(rows.map(([name, row]) => [row.bit, name]));

/** Whether a bitmap sets this very bit. */
export const hasBit = (bitmap: Uint8Array, bit: number): boolean =>
  (((bitmap[bitmap.length - 1 - (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1;

/** The bitmap of these bits, without leading zero bytes. */
export const bitmapOf = (bits: readonly number[]): Uint8Array => {
  const out = new Uint8Array(bits.length === 0 ? 0 : (Math.max(...bits) >> 3) + 1);
  for (const bit of bits) {
    const at = out.length - 1 - (bit >> 3);
    out[at] = (out[at] ?? 0) | (1 << (bit & 7));
  }
  return out;
};

/** The bits a bitmap sets, ascending and lazily: a bitmap from outside may be 65,000 bytes long. */
export function* bitsOf(bitmap: Uint8Array): Generator<number, void> {
  for (let at = bitmap.length - 1, base = 0; at >= 0; at--, base += 8)
    for (let rest = bitmap[at] ?? 0, bit = base; rest > 0; rest >>= 1, bit++) if (rest & 1) yield bit;
}

/** Two bitmaps as one, as BOLT 1 joins `globalfeatures` and `features`. Leading zero bytes are dropped. */
export const joinFeatures = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const offset = long.length - short.length;
  const out = long.map((byte, at) => byte | (short[at - offset] ?? 0));
  const first = out.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array(0) : out.slice(first);
};

/** The bitmap of this choice. */
export const featureBitmap = (choice: FeatureChoice): Uint8Array =>
  bitmapOf(
    rows.flatMap(([name, { bit }]) =>
      choice[name] === undefined ? [] : [choice[name] === 'required' ? bit : bit + 1],
    ),
  );

/** Whether a bitmap has the feature, required or optional; always true for an assumed one. */
export const hasFeature = (bitmap: Uint8Array, name: FeatureName): boolean => {
  const row: Feature = features[name];
  return row.assumed === true || hasBit(bitmap, row.bit) || hasBit(bitmap, row.bit + 1);
};
/** Whether a bitmap requires the feature; both bits of a pair mean that, too (BOLT 9, "Requirements"). */
export const requiresFeature = (bitmap: Uint8Array, name: FeatureName): boolean => hasBit(bitmap, features[name].bit);

export type FeatureFault =
  /** The other side requires a feature that is unknown here. */
  | { readonly code: 'unknown_even_bit'; readonly bit: number }
  /** The other side requires a feature that is known and not offered here. */
  | { readonly code: 'not_offered'; readonly feature: FeatureName }
  /** The other side lacks a feature that we require. */
  | { readonly code: 'missing_required'; readonly feature: FeatureName }
  | { readonly code: 'missing_dependency'; readonly feature: FeatureName; readonly requires: FeatureName };

/** A sentence for the operator. */
export const describeFeatureFault = (problem: FeatureFault): string => {
  switch (problem.code) {
    case 'unknown_even_bit':
      return `feature bit ${problem.bit} is required but unknown here`;
    case 'not_offered':
      return `${problem.feature} is required but not supported here`;
    case 'missing_required':
      return `${problem.feature} is required here but not offered`;
    case 'missing_dependency':
      return `${problem.feature} is set without ${problem.requires}, on which it depends`;
  }
};

/** The first feature that is set without one that it depends on. Every direct dependency is checked, so chains need no more. */
export const missingDependency = (bitmap: Uint8Array): FeatureFault | undefined => {
  for (const [name, { requires }] of rows) {
    if (!hasFeature(bitmap, name)) continue;
    for (const needed of requires as readonly FeatureName[])
      if (!hasFeature(bitmap, needed)) return { code: 'missing_dependency', feature: name, requires: needed };
  }
  return undefined;
};

/** The first required feature of `bitmap`, of an invoice or a payee, that `offered` does not have. */
export const unmetFeature = (offered: Uint8Array, bitmap: Uint8Array): FeatureFault | undefined => {
  for (const bit of bitsOf(bitmap)) {
    if (bit % 2 === 1) continue;
    const name = known.get(bit);
    if (name === undefined) return { code: 'unknown_even_bit', bit };
    if (!hasFeature(offered, name)) return { code: 'not_offered', feature: name };
  }
  return undefined;
};

/** The first even bit that is unknown here: such a feature must not be ignored (BOLT 7, BOLT 9). */
export const unknownRequiredBit = (bitmap: Uint8Array): number | undefined => {
  for (const bit of bitsOf(bitmap)) if (bit % 2 === 0 && !known.has(bit)) return bit;
  return undefined;
};

export type Negotiation = { readonly agreed: ReadonlySet<FeatureName> } | { readonly problem: FeatureFault };

/**
 * BOLT 1, "The init Message": what two bitmaps have in common, or why the connection must end. Which side sets the
 * required bit makes no difference to what is agreed.
 */
export const negotiate = (local: Uint8Array, remote: Uint8Array): Negotiation => {
  const problem = unmetFeature(local, remote) ?? missingDependency(remote);
  if (problem !== undefined) return { problem };
  for (const [name] of rows)
    if (requiresFeature(local, name) && !hasFeature(remote, name))
      return { problem: { code: 'missing_required', feature: name } };
  const both = rows.filter(([name]) => hasFeature(local, name) && hasFeature(remote, name));
  return { agreed: new Set(both.map(([name]) => name)) };
};

/**
 * What this node offers. AMP, of either kind, is optional everywhere but in invoices: a required bit would cut us off from all
 * who do not know it.
 */
const ours: FeatureChoice = {
  option_data_loss_protect: 'required',
  option_upfront_shutdown_script: 'optional',
  gossip_queries: 'optional',
  gossip_queries_ex: 'optional',
  var_onion_optin: 'required',
  option_static_remotekey: 'required',
  payment_secret: 'required',
  basic_mpp: 'optional',
  option_support_large_channel: 'optional',
  option_anchors: 'optional',
  option_shutdown_anysegwit: 'optional',
  option_channel_type: 'optional',
  option_scid_alias: 'optional',
  amp: 'optional',
  option_eob_amp: 'optional',
};
/** Ways of paying that an invoice must name itself: an ordinary one cannot be paid by AMP. */
const PER_INVOICE: readonly FeatureName[] = ['amp', 'option_eob_amp'];

/** Our bitmap for `init`, announcements or an invoice. `more` adds to the set or overrides it, where the context allows the feature. */
export const ourFeatures = (context: 'I' | 'N' | 'C' | '9', more: FeatureChoice = {}): Uint8Array => {
  const base = Object.entries(ours).filter(([name]) => context !== '9' || !PER_INVOICE.includes(name as FeatureName));
  const allowed = Object.entries({ ...Object.fromEntries(base), ...more }).filter(([name]) =>
    features[name as FeatureName].contexts.includes(context),
  );
  return featureBitmap(Object.fromEntries(allowed));
};

/** What an invoice for lnd's AMP asks of its payer: neither more nor less than lnd does. */
export const deployedAmpFeatures = (): Uint8Array =>
  featureBitmap({ var_onion_optin: 'required', payment_secret: 'required', amp: 'required' });

/**
 * What we can do for an invoice that asks for these features: metadata is sent along with ordinary payments (BOLT 4,
 * `payment_metadata`), an AMP has no place for it.
 */
export const payerFeatures = (asked: Uint8Array): Uint8Array =>
  ourFeatures('9', {
    amp: 'optional',
    option_eob_amp: 'optional',
    ...(!hasFeature(asked, 'option_eob_amp') && { option_payment_metadata: 'optional' }),
  });

/** Our bitmap for `node_announcement`, which tells whether this node takes keysends. */
export const announcedFeatures = ({ keysend }: { readonly keysend: boolean }): Uint8Array =>
  ourFeatures('N', keysend ? { keysend: 'optional' } : {});
