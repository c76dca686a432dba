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

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: unknown[];
}

export const standIn = async (answers: Answers) => {
  const asked: string[] = [];
  const requests: string[][] = [];
  const answerTo = async ({ method, params }: Call): Promise<Reply> => {
    asked.push(method);
    return (await answers[method]?.(params)) ?? no(-32601, 'Method not found');
  };
  const shown = ({ id }: Call, reply: Reply): string =>
    'result' in reply
      ? `{"result":${reply.result},"error":null,"id":${id}}`
      : JSON.stringify({ result: null, error: reply, id });
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const calls = JSON.parse(body) as Call | readonly Call[];
    requests.push([calls].flat().map(({ method }) => method));
    if (!Array.isArray(calls)) {
      const reply = await answerTo(calls as Call);
      response.writeHead('result' in reply ? 200 : 500).end(shown(calls as Call, reply));
      return;
    }
    const replies: string[] = [];
    for (const call of calls as readonly Call[]) replies.push(shown(call, await answerTo(call)));
    response.end(`[${replies.join(',')}]`);
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
  return { chain, asked, requests, log, clock };
};
