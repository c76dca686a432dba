/** The table of share schemes: a new one is a row here, or given to a node by the program that runs it. */

import { DEPLOYED } from './deployed.ts';
import { dynamic, fixed } from './fixeddynamic.ts';
import type { Scheme, Schemes } from './scheme.ts';
import { threshold } from './threshold.ts';
import { tree } from './tree.ts';

const named = (rows: readonly Scheme[]): Schemes => new Map(rows.map((scheme) => [scheme.name, scheme]));

/** Every scheme that a node knows by itself, in order of the EOB protocol numbers. */
export const schemes: Schemes = named([fixed, dynamic, tree, threshold]);

/** Their names. */
export const schemeNames: readonly string[] = [...schemes.keys()];

/**
 * What a payer takes who is not told: a shard of it can be split at any time, so it need neither keep a share back, as `dynamic`
 * does, nor give up where `fixed` would; and it sends no more than the amount.
 */
export const defaultScheme = tree.name;

/** How payments of other kinds are called where schemes are named, so no scheme can be. */
const TAKEN: readonly string[] = ['single', 'mpp', 'ordinary', DEPLOYED];

/**
 * These and a program's own. Throws RangeError for a name or a protocol number that is taken, or none at all: names have up to 32
 * letters, digits or hyphens, numbers are 1 to 15. Also where the marker of a share is to be the child index of its HTLC, which may
 * carry several shares.
 */
export const withSchemes = (own: readonly Scheme[], base: Schemes = schemes): Schemes => {
  const all = [...base.values()];
  for (const scheme of own) {
    const { name, protocol } = scheme;
    if (!/^[a-z0-9-]{1,32}$/.test(name))
      throw new RangeError(`scheme ${name}: expected a name of up to 32 lower-case letters, digits or hyphens`);
    if (!Number.isInteger(protocol) || protocol < 1 || protocol > 15)
      throw new RangeError(`scheme ${name}: expected a protocol number of 1 to 15, not ${protocol}`);
    const other = all.find((one) => one.name === name || one.protocol === protocol);
    if (other !== undefined || TAKEN.includes(name))
      throw new RangeError(`scheme ${name}, protocol ${protocol}: the name or the number is taken`);
    if (scheme.markerIsIndex && scheme.furtherBlobs)
      throw new RangeError(
        `scheme ${name}: expected markerIsIndex or furtherBlobs, not both: an HTLC with several shares has one child index all the same`,
      );
    all.push(scheme);
  }
  return named(all);
};
