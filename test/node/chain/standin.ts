/** A stand-in for bitcoind that answers from a table, and the adapter that asks it. */
import { createServer } from 'node:http';
import { afterEach } from 'vitest';
import { bitcoindChain } from '../../../node/chain/bitcoind.ts';
import type { Chain } from '../../../node/ports/ports.ts';
import { heldClock, keptLog } from '../../support/quiet.ts';

/** A result, or an error with bitcoind's code. */
export type Reply = { readonly result: string } | { readonly code: number; readonly message: string };
type Answers = Record<string, (params: readonly unknown[]) => Reply | Promise<Reply>>;

export const ok = (result: unknown): Reply => ({ result: JSON.stringify(result) });
/** A result in bitcoind's own spelling, decimals and all. */
export const raw = (result: string): Reply => ({ result });
export const no = (code: number, message: string): Reply => ({ code, message });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export const standIn = async (answers: Answers) => {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { method, params } = JSON.parse(body) as { method: string; params: unknown[] };
    asked.push(method);
    const reply = (await answers[method]?.(params)) ?? no(-32601, 'Method not found');
    if ('result' in reply) response.end(`{"result":${reply.result},"error":null}`);
    else response.writeHead(500).end(JSON.stringify({ result: null, error: reply }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const log = keptLog();
  const clock = heldClock();
  const chain: Chain = bitcoindChain({ host: '127.0.0.1', port, auth: { user: 'u', password: 'p' }, log, clock });
  cleanups.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => server.closeAllConnections(),
    () => chain.close(),
  );
  return { chain, asked, log, clock };
};
