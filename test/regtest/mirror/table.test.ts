/** The table of the ends a channel can have, every row, on bitcoind as well as on the embedded chain. */
import { mirrored } from '../../support/mirror.ts';

await mirrored(() => import('../../channel/onchain.test.ts'));
