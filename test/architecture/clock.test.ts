/** The node's time comes from the Clock port, so that tests and models can hold it. */
import { expect, test } from 'vitest';
import { sources } from '../support/tree.ts';

/** Files that ask the system, and why they do not ask the port. */
const allowed: Readonly<Record<string, string>> = {
  'node/base/entropy.ts': 'is the Clock port of a real machine',
  'node/base/log.ts': 'dates a line about lost lines, as pino dates all others',
  'node/chain/rpc.ts': 'bounds a call on a socket of the Chain port, as the system bounds its connections',
  'node/api/rpc/calls.ts': 'gives a socket of the API its turn, and its callers a moment when the node ends',
  'node/api/rpc/connections.ts': 'bounds the closing of a socket of the API',
  'node/web/nodelink.ts': 'a node that is away is tried again, whatever the clock of the page says',
  'node/web/server.ts': 'the last words of a connection that ends',
  'node/web/page/graph.ts': 'runs in a browser',
  'node/web/page/main.ts': 'runs in a browser',
  'node/web/page/payment.ts': 'runs in a browser',
};

const asksTheSystem =
  /(?<![.\w])(?:setTimeout|setInterval)\s*\(|\bDate\.now\s*\(|\bnew Date\(\)|\bperformance\.now\s*\(|\bhrtime\b|AbortSignal\.timeout|timers\/promises/;

test('time in node/ is read and waited for by the Clock port alone, but for the files listed with their reasons', () => {
  // The embedded chain and the demo network are tools beside the node.
  const found = sources(['node'])
    .filter(({ path, text }) => !path.startsWith('node/regtest/') && asksTheSystem.test(text))
    .map(({ path }) => path);
  expect(found.sort()).toEqual(Object.keys(allowed).sort());
});

test.each([
  'setTimeout(run, 5)',
  'const timer = setInterval (run, 5)',
  'Date.now()',
  'new Date()',
  'AbortSignal.timeout(5)',
])('%s counts as asking the system', (text) => {
  expect(asksTheSystem.test(text)).toBe(true);
});
