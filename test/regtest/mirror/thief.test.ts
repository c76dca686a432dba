/** Peers that publish what they revoked, on bitcoind as well as on the embedded chain. */
import { mirrored } from '../../support/mirror.ts';

await mirrored(() => import('../../channel/onchainthief.test.ts'));
