/** JSON-RPC 2.0 itself: envelopes, batches, errors. */
import { describe, expect, test } from 'vitest';
import { ApiError, codes, nameOf } from '../../../node/api/errors.ts';
import { maxBatch } from '../../../node/api/rpc/jsonrpc.ts';
import { wholeOf } from '../../support/answers.ts';
import { fakeRpc, ids, patient } from '../../support/api.ts';

const say = async (text: string, rpc = fakeRpc()) => {
  const answer = await wholeOf(await rpc.answer(text, patient));
  return answer === undefined ? undefined : JSON.parse(answer);
};

describe('a request', () => {
  test.each([
    ['a text', '"a-1"', 'a-1'],
    ['a number', '7', 7],
    ['a fraction', '1.5', 1.5],
    ['null', 'null', null],
  ])('with an id that is %s is answered under it', async (_, id, expected) => {
    expect(await say(`{"jsonrpc":"2.0","id":${id},"method":"stop"}`)).toEqual({
      jsonrpc: '2.0',
      id: expected,
      result: { result: 'Shutdown complete' },
    });
  });

  test('may leave out jsonrpc and params', async () => {
    expect(await say('{"id":1,"method":"newaddr"}')).toMatchObject({ id: 1, result: { bech32: 'bcrt1qexample' } });
  });

  test('without id is done and not answered, even when it fails', async () => {
    let stopped = 0;
    const rpc = fakeRpc({
      stop: async () => {
        stopped++;
        return { result: 'Shutdown complete' };
      },
    });
    expect(await say('{"jsonrpc":"2.0","method":"stop"}', rpc)).toBeUndefined();
    expect(await say('{"jsonrpc":"2.0","method":"nosuch"}', rpc)).toBeUndefined();
    expect(stopped).toBe(1);
  });

  test.each([
    ['no JSON', '{"id":1,', -32700, null],
    ['a text', '"getinfo"', -32600, null],
    ['null', 'null', -32600, null],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"getinfo"}', -32600, 1],
    ['what is too deep', `{"id":1,"method":"getinfo","params":${'['.repeat(500_000)}`, -32600, null],
    ['no method', '{"jsonrpc":"2.0","id":1}', -32600, 1],
    ['a method that is no name', '{"jsonrpc":"2.0","id":1,"method":5}', -32600, 1],
    ['params that are a text', '{"jsonrpc":"2.0","id":1,"method":"getinfo","params":"x"}', -32600, 1],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"getinfo"}', -32600, null],
    ['an id a double rounds', '{"jsonrpc":"2.0","id":9007199254740993,"method":"getinfo"}', -32600, null],
    ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"nosuch"}', -32601, 1],
    ['a method of every object', '{"jsonrpc":"2.0","id":1,"method":"constructor"}', -32601, 1],
  ])('%s is refused', async (_, text, code, id) => {
    expect(await say(text)).toMatchObject({ jsonrpc: '2.0', id, error: { code } });
  });

  test('an unknown method is told the nearest one', async () => {
    const { error } = (await say('{"id":1,"method":"getinf"}')) as { error: { message: string } };
    expect(error.message).toBe('unknown method "getinf", see help; is getinfo meant?');
  });
});

describe('a batch', () => {
  test('is answered as one, notifications left out', async () => {
    const answer = await say('[{"id":1,"method":"stop"},{"method":"stop"},{"id":2,"method":"nosuch"},5]');
    expect(answer).toMatchObject([
      { id: 1, result: { result: 'Shutdown complete' } },
      { id: 2, error: { code: -32601 } },
      { id: null, error: { code: -32600 } },
    ]);
  });

  test('of notifications alone is not answered', async () => {
    expect(await say('[{"method":"stop"}]')).toBeUndefined();
  });

  test('that is empty or too long is refused whole', async () => {
    expect(await say('[]')).toMatchObject({ id: null, error: { code: -32600 } });
    expect(await say(JSON.stringify(Array(maxBatch + 1).fill({ id: 1, method: 'stop' })))).toMatchObject({
      error: { code: -32600 },
    });
  });
});

describe('a handler', () => {
  test('with names of any length is refused in few words', async () => {
    const long = 'x'.repeat(100_000);
    for (const [method, params] of [
      ['newaddr', { [long]: 1 }],
      ['help', { command: long.slice(0, 60_000) }],
      [long, {}],
    ] as const) {
      const answer = await wholeOf(await fakeRpc().answer(JSON.stringify({ id: 1, method, params }), patient));
      expect(answer?.length).toBeLessThan(1_000);
    }
  });

  test('that throws an ApiError gives its number, message and data', async () => {
    const rpc = fakeRpc({
      pay: async () => {
        throw new ApiError('pay_no_route', 'no route to the payee', { tried: 3, largest_msat: 5n });
      },
    });
    expect(await say('{"id":1,"method":"pay","params":["lnbcrt1"]}', rpc)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: 205, message: 'no route to the payee', data: { tried: 3, largest_msat: 5 } },
    });
    expect(rpc.broken).toEqual([]);
  });

  test.each([
    ['throws anything else', async () => Promise.reject(new Error('the secret seed is abandon'))],
    [
      'throws at once',
      () => {
        throw new TypeError('x');
      },
    ],
    ['answers what the table does not allow', async () => ({ bech32: 5 }) as never],
  ])('that %s is an internal error, told to the log alone', async (_, newaddr) => {
    const rpc = fakeRpc({ newaddr });
    const { error } = await say('{"id":1,"method":"newaddr"}', rpc);
    expect(error).toEqual({ code: -32603, message: 'newaddr failed inside the node; its log says more' });
    expect(rpc.broken).toHaveLength(1);
  });

  test('gets defaults filled in and learns when its caller has gone', async () => {
    const seen: unknown[] = [];
    const rpc = fakeRpc({
      listfunds: async (params, { signal }) => {
        seen.push(params, signal.aborted);
        return { outputs: [], channels: [] };
      },
    });
    await rpc.answer('{"id":1,"method":"listfunds"}', { signal: AbortSignal.abort() });
    expect(seen).toEqual([{ spent: false }, true]);
  });

  test('gives fields the table does not have in vain', async () => {
    const rpc = fakeRpc({ newaddr: async () => ({ bech32: 'x', seed: 'abandon' }) });
    expect(await say('{"id":1,"method":"newaddr"}', rpc)).toMatchObject({ result: { bech32: 'x' } });
    expect(await rpc.answer('{"id":1,"method":"newaddr"}', patient)).not.toContain('abandon');
  });
});

test('help lists every method, or one', async () => {
  const { result } = await say('{"id":1,"method":"help"}');
  expect(result.help.map(({ command }: { command: string }) => command.split(' ')[0])).toContain('listsets');
  expect((await say('{"id":1,"method":"help","params":["waitinvoice"]}')).result).toEqual({
    help: [
      {
        command: 'waitinvoice label',
        description: 'Answers once the invoice is paid, or with an error once it has expired.',
      },
    ],
    'format-hint': 'simple',
  });
});

test('every error has a number of its own, found again by its name', () => {
  const numbers = Object.values(codes);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(Object.entries(codes).filter(([name, code]) => nameOf(code) !== name)).toEqual([]);
  expect(nameOf(12345)).toBeUndefined();
});

test('a request of a Core Lightning client is understood as it is', async () => {
  const request = { jsonrpc: '2.0', method: 'keysend', id: 'cln:keysend#1', params: [ids.bob, '10sat', null, 0.5] };
  expect(await say(JSON.stringify(request))).toMatchObject({ id: 'cln:keysend#1', result: { status: 'complete' } });
});
