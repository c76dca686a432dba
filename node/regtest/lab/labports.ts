/** Ports of a lab: from a place that the lab's folder decides, so that labs rarely meet, below those that systems give to callers. */
import { createServer } from 'node:net';
import { utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { LabError } from './laberror.ts';

const [lowest, highest] = [20_000, 32_000];
const mostTried = 2_000;

/** Whether nobody listens there now. */
export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** Gives free ports, each once, none of `taken`. It throws LabError `no_port` when there are none. */
export const portsFor = (dir: string, taken: Iterable<number> = []): (() => Promise<number>) => {
  const [high = 0, low = 0] = sha256(utf8(dir));
  const from = lowest + (((high * 256 + low) * 20) % (highest - lowest));
  const used = new Set(taken);
  let next = from;
  return async () => {
    for (let tried = 0; tried < mostTried; tried++) {
      const port = next;
      next = next + 1 >= highest ? lowest : next + 1;
      if (used.has(port) || !(await isFree(port))) continue;
      used.add(port);
      return port;
    }
    throw new LabError({ code: 'no_port', from }, `no free port on 127.0.0.1 from ${from} on: ${mostTried} were tried`);
  };
};
