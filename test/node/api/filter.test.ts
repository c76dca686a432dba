/** What Core Lightning's clients send beside a call: a filter of the result's fields, and a wish for messages in between. */
import { describe, expect, test } from 'vitest';
import type { Handlers } from '../../../node/api/table.ts';
import { wholeOf } from '../../support/answers.ts';
import { fakeRpc, ids, patient, samples } from '../../support/api.ts';

const ask = async (method: string, filter: unknown, own: Partial<Handlers> = {}) => {
  const request = JSON.stringify({ id: 1, method, params: {}, filter });
  return JSON.parse((await wholeOf(await fakeRpc(own).answer(request, patient))) ?? 'null');
};

describe('a filter', () => {
  test.each([
    ['of a field', 'getinfo', { id: true, alias: true }, { id: ids.alice, alias: 'alice' }],
    ['of a list', 'listpeers', { peers: [{ id: true }] }, { peers: [{ id: ids.bob }] }],
    ['of all of a list', 'listpeers', { peers: true }, samples.listpeers],
    [
      'of what is inside of an item',
      'listpeerchannels',
      { channels: [{ state: true, htlcs: [{ id: true }] }] },
      { channels: [{ state: 'CHANNELD_NORMAL', htlcs: [{ id: 7 }] }] },
    ],
    ['of what this result does not have', 'listpeers', { peers: [{ remote_addr: true }] }, { peers: [{}] }],
    ['of nothing', 'getinfo', {}, {}],
    ['that is true', 'newaddr', true, samples.newaddr],
  ])('the API answers a filter %s with what it selects', async (_, method, filter, result) => {
    expect((await ask(method, filter)).result).toEqual(result);
  });

  test('a filter of a list that is read row by row leaves those fields of each row', async () => {
    const listnodes: Handlers['listnodes'] = async () => ({
      nodes: (async function* () {
        for (let i = 0; i < 3; i++) yield { nodeid: ids.bob, alias: `bob ${i}` };
      })() as never,
    });
    const { result } = await ask('listnodes', { nodes: [{ alias: true }] }, { listnodes });
    expect(result).toEqual({ nodes: [{ alias: 'bob 0' }, { alias: 'bob 1' }, { alias: 'bob 2' }] });
  });

  test.each([
    [
      { id: true, ids: true },
      { id: ids.alice, warning_parameter_filter: 'getinfo has no field ids' },
    ],
    [
      { binding: [{ ports: true }] },
      { binding: [{}], warning_parameter_filter: 'getinfo has no field binding[].ports' },
    ],
    [{ alias: [true] }, { alias: 'alice', warning_parameter_filter: 'getinfo has no field alias[]' }],
    [{ toString: true }, { warning_parameter_filter: 'getinfo has no field toString' }],
  ])('a filter %j with a field that no result has is answered with a warning', async (filter, result) => {
    expect((await ask('getinfo', filter)).result).toEqual(result);
  });

  const deep = JSON.parse(`${'{"a":'.repeat(20)}true${'}'.repeat(20)}`);
  const wide = Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`f${i}`, true]));
  test.each([
    [false, 'filter: expected true'],
    ['id', 'filter: expected true'],
    [{ id: 1 }, 'filter.id: expected true'],
    [[true], 'filter: expected true'],
    [{ peers: [] }, 'filter.peers: expected true'],
    [{ peers: [true, true] }, 'filter.peers: expected true'],
    [deep, 'filter.a.a'],
    [wide, 'filter: expected true'],
  ])('a filter %j, which is none, is refused', async (filter, message) => {
    const { error, id } = await ask('getinfo', filter);
    expect(error).toMatchObject({ code: -32_600, message: expect.stringContaining(message) });
    expect(id).toBe(1);
  });
});

test('a caller who asks for notifications is answered, and gets none', async () => {
  const request = '{"id":1,"method":"notifications","params":{"enable":true}}';
  expect(await wholeOf(await fakeRpc().answer(request, patient))).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
});
