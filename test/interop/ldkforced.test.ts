/** Our node and LDK: channels closed by force, as the suite has them. */
import { ldk } from './peers/ldk.ts';
import { describeForced, describeForcedWithout } from './suite/suite.ts';

await describeForced(ldk);
await describeForcedWithout(ldk);
