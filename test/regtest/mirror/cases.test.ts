/** What is easily got wrong on chain, on bitcoind as well as on the embedded chain. */
import { mirrored } from '../../support/mirror.ts';

await mirrored(() => import('../../channel/onchaincases.test.ts'));
