/** The ways to the chain, on bitcoind as well as on the embedded chain. */
import { mirrored } from '../../support/mirror.ts';

await mirrored(() => import('../../channel/onchainclose.test.ts'));
