/** The thread that checks signatures of gossip (signaturechecks.ts): a program of its own, which does nothing else. */
import { parentPort } from 'node:worker_threads';
import { verify } from '../../wire/crypto.ts';
import { point, signature } from '../../wire/units.ts';
import { CHECK_BYTES, type ChecksDone, type ChecksToDo } from './signaturechecks.ts';

parentPort?.on('message', ({ number, checks }: ChecksToDo) => {
  const valid = new Uint8Array(checks.length / CHECK_BYTES);
  for (let at = 0; at < valid.length; at++) {
    const one = checks.subarray(at * CHECK_BYTES, (at + 1) * CHECK_BYTES);
    const holds = verify(signature(one.subarray(0, 64)), one.subarray(64, 96), point(one.subarray(96)));
    valid[at] = holds ? 1 : 0;
  }
  parentPort?.postMessage({ number, valid } satisfies ChecksDone);
});
