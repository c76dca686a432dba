/** Reorgs of a close and of its claims, on bitcoind as well as on the embedded chain. */
import { mirrored } from '../../support/mirror.ts';

await mirrored(() => import('../../channel/onchainreorg.test.ts'));
