/** Extra onion blobs of the caller's own for hops of a payment's routes: `HOP:PROTOCOL:HEX`, several of them for several hops. */
import { expectedOfBlobs, type HopBlobs, MOST_HOPS, toBlobs } from '../../../../amp/extras.ts';
import { unhex } from '../../../../wire/bytes.ts';
import * as param from '../../params.ts';

const EXPECTED = 'HOP:PROTOCOL:HEX, such as 1:14:c0ffee or last:14:c0ffee';

/** Throws RangeError, which says what was expected. */
const blobFrom = (given: unknown): HopBlobs => {
  const parts = typeof given === 'string' ? /^(last|\d{1,3}):(\d{1,3}):((?:[0-9a-fA-F]{2})+)$/.exec(given) : null;
  const [, hop, protocol, digits] = parts ?? [];
  if (hop === undefined || protocol === undefined || digits === undefined) throw new RangeError(EXPECTED);
  const blobs: HopBlobs = {
    hop: hop === 'last' ? 'last' : Number(hop),
    protocol: Number(protocol),
    blobs: toBlobs(unhex(digits)),
  };
  const expected = expectedOfBlobs([blobs]);
  if (expected !== undefined) throw new RangeError(expected);
  return blobs;
};

/** A list, one item for each hop that is to get blobs; zeros fill the last blob of a hop. */
export const blobParam = param
  .many(param.param<string, HopBlobs>('HOP:PROTOCOL:HEX', blobFrom), MOST_HOPS)
  .optional()
  .describe(
    'extra onion blobs for a hop (1 is the first, last the payee), as HOP:PROTOCOL:HEX; may be given several times',
  );

/** The field of a request. */
export const blobTerms = (blobs: readonly HopBlobs[] | undefined): { readonly blobs?: readonly HopBlobs[] } =>
  blobs === undefined || blobs.length === 0 ? {} : { blobs };
