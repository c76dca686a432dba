/** Our node and LDK: channels closed together, as the suite has them. */
import { ldk } from './peers/ldk.ts';
import { describeCloses, describeClosesWithout } from './suite/suite.ts';

await describeCloses(ldk);
await describeClosesWithout(ldk);
