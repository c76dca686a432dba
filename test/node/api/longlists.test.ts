/** Lists of any length, from the store to the terminal: read while they are written, no faster than they are taken. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { handlersOf } from '../../../node/api/handlers.ts';
import { openClient } from '../../../node/api/rpc/client.ts';
import { listenHttp } from '../../../node/api/rpc/http.ts';
import { listenUnix } from '../../../node/api/rpc/unix.ts';
import type { Handlers, Result } from '../../../node/api/table.ts';
import { runCommand } from '../../../node/cli/program.ts';
import type { Node } from '../../../node/core/node.ts';
import { encodeInvoiceRecord, INVOICE_RECORDS } from '../../../node/pay/invoicerecord.ts';
import { Invoices } from '../../../node/pay/invoices.ts';
import type { Store } from '../../../node/ports/ports.ts';
import { StoreError } from '../../../node/store/errors.ts';
import { Gate } from '../../../node/store/gate.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { numberIn, numberText } from '../../../node/store/numbered.ts';
import { msat, paymentHash } from '../../../wire/units.ts';
import { bytes32 } from '../../amp/receiver.ts';
import { fakeRpc, samples } from '../../support/api.ts';
import { noProcess } from '../../support/inprocess.ts';
import { until } from '../../support/quiet.ts';

const MANY = 16_000;
type Row = Result<'listinvoices'>['invoices'][number];

let dir = '';
let handlers: Pick<Handlers, 'listinvoices'>;
/** Rows that were read from the store for anybody. */
let read = 0;
const closing: (() => unknown)[] = [];

const records = new Map<number, Uint8Array>();
const record = (n: number): Uint8Array => {
  const value =
    records.get(n) ??
    encodeInvoiceRecord({
      ...{ label: `bill ${n}`, kind: 'ordinary', bolt11: 'lnbcrt'.padEnd(300, 'q'), description: '{"one": ["cup"}' },
      ...{ amount: msat(1_000n), paymentHash: paymentHash(bytes32(n)), paymentSecret: bytes32(500 + n) },
      ...{ preimage: undefined, minFinalCltv: 18, expiresAt: 1_000, createdIndex: BigInt(n), paid: undefined },
    });
  records.set(n, value);
  return value;
};
/** A store that has them all, and counts what is read of them. */
const store: Store = {
  ...memoryStore(),
  entries: async function* (prefix, after) {
    if (prefix !== INVOICE_RECORDS) return;
    for (let n = after === undefined ? 1 : Number(numberIn(after)) + 1; n <= MANY; n++) {
      read++;
      yield [INVOICE_RECORDS + numberText(BigInt(n)), record(n)];
    }
  },
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-'));
  const fatal = (error: unknown): void => {
    throw error;
  };
  const invoices = await Invoices.load(store, new Gate(store, fatal), () => 2_000);
  handlers = handlersOf({ invoices } as unknown as Node, noProcess);
});
afterAll(() => rm(dir, { recursive: true, force: true }));
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const path = () => join(dir, 'regtest', 'lightning-rpc');
const serve = async (own: Partial<Handlers> = { listinvoices: handlers.listinvoices }) => {
  const rpc = fakeRpc(own);
  const server = await listenUnix(path(), rpc.answer);
  closing.push(() => server.close());
  return rpc;
};
const token = 'ab'.repeat(32);
const serveHttp = async (own: Partial<Handlers>): Promise<string> => {
  const server = await listenHttp({ host: '127.0.0.1', port: 0 }, token, fakeRpc(own).answer);
  closing.push(() => server.close());
  return `127.0.0.1:${server.address.port}`;
};
const webSocket = async (url: string): Promise<WebSocket> => {
  const socket = new WebSocket(`ws://${url}/`, ['ampere', `token.${token}`]);
  closing.push(() => socket.terminate());
  await new Promise((resolve) => socket.once('open', resolve));
  return socket;
};
const run = async (words: readonly string[]) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand(['--dir', dir, '--network', 'regtest', ...words], {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    env: {},
    run: async () => ({ ended: Promise.resolve() }),
  });
  expect(err).toEqual([]);
  expect(code).toBe(0);
  return out;
};
const labels = (from: number, count: number) => Array.from({ length: count }, (_, i) => `bill ${from + i}`);
const labelsIn = (result: { readonly invoices: readonly Row[] } | undefined) =>
  result?.invoices.map(({ label }) => label);
const printed = async (words: readonly string[]) =>
  JSON.parse((await run(['listinvoices', '--json', ...words])).join('\n'));

describe('16,000 invoices', () => {
  test('reach a program through the socket', async () => {
    await serve();
    const client = await openClient(path());
    closing.push(() => client.close());
    // Beside other calls, whose answers come between or behind.
    const [all, info, again] = await Promise.all([
      client.call('listinvoices'),
      client.call('getinfo'),
      client.call('listinvoices', { start: 15_999 }),
    ]);
    expect(all.invoices.map(({ label }) => label)).toEqual(labels(1, MANY));
    expect(all.invoices[5]).toMatchObject({ amount_msat: 1_000n, description: '{"one": ["cup"}', status: 'expired' });
    expect(info).toEqual(samples.getinfo);
    expect(again.invoices.map(({ label }) => label)).toEqual(labels(15_999, 2));
  });

  test('are printed by the command line, as JSON row by row and as a table', async () => {
    await serve();
    const lines = await run(['listinvoices', '--json']);
    expect(lines.length).toBeGreaterThan(MANY);
    expect(labelsIn(JSON.parse(lines.join('\n')))).toEqual(labels(1, MANY));
    const [table = ''] = await run(['listinvoices']);
    expect(table.split('\n')).toHaveLength(1 + MANY);
    expect(table.split('\n').at(-1)).toMatch(/^bill 16000 +expired/);
  });

  test.each([
    [['index=created', 'start=15000', 'limit=3'], 15_000, 3],
    [['index=created', 'start=15999', 'limit=100'], 15_999, 2],
    [['limit=2'], 1, 2],
    [['limit=0'], 1, 0],
    [['index=created', 'start=16001'], 1, 0],
  ])('are paged: %j', async (words, first, count) => {
    await serve();
    read = 0;
    expect(labelsIn(await printed(words))).toEqual(labels(first, count));
    // What stands before the page and behind it is not read.
    expect(read).toBeLessThan(count + 10);
  });

  test('wait for a caller that takes them slowly, and are read no further when it is gone', async () => {
    await serve();
    read = 0;
    const socket = connect(path());
    socket.pause();
    socket.write('{"id":1,"method":"listinvoices"}');
    await until(() => read > 0);
    // Whatever is to be read ahead is read by then.
    for (let before = -1; before !== read; ) {
      before = read;
      for (let turns = 0; turns < 300; turns++) await new Promise(setImmediate);
    }
    expect(read).toBeLessThan(MANY / 8);
    // Others are answered meanwhile.
    expect(labelsIn(await printed(['limit=1']))).toEqual(['bill 1']);
    socket.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(labelsIn(await printed(['index=created', 'start=16000']))).toEqual(['bill 16000']);
    expect(read).toBeLessThan(MANY / 8);
  });

  test('come as one answer over HTTP and as one message over a WebSocket', async () => {
    const url = await serveHttp({ listinvoices: handlers.listinvoices });
    const count = 4_000;
    const request = JSON.stringify({ id: 1, method: 'listinvoices', params: { limit: count } });
    const headers = { authorization: `Bearer ${token}` };
    const posted = await fetch(`http://${url}/`, { method: 'POST', headers, body: request });
    expect(labelsIn(((await posted.json()) as { result: { invoices: Row[] } }).result)).toEqual(labels(1, count));
    const socket = await webSocket(url);
    const messages = new Map<unknown, { result: { invoices: Row[] } }>();
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      messages.set(message.id, message);
    });
    socket.send(request);
    socket.send('{"id":2,"method":"stop"}');
    await until(() => messages.size === 2);
    expect(labelsIn(messages.get(1)?.result)).toEqual(labels(1, count));
    expect(messages.get(2)).toHaveProperty('result');
  });
});

test('a list whose caller on a WebSocket is gone before it begins is read no further, and closed', async () => {
  let [begun, closed] = [false, false];
  let go: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  const url = await serveHttp({
    listinvoices: async () => ({
      invoices: (async function* () {
        begun = true;
        await gone;
        try {
          for (;;) yield samples.listinvoices.invoices[0] as Row;
        } finally {
          closed = true;
        }
      })(),
    }),
  });
  const socket = await webSocket(url);
  socket.send('{"id":1,"method":"listinvoices"}');
  await until(() => begun);
  socket.once('close', go);
  socket.terminate();
  await until(() => closed);
});

describe('a list that cannot be read to its end', () => {
  const failing = (rows: number): Partial<Handlers> => ({
    listinvoices: async () => ({
      invoices: (async function* () {
        for (let i = 0; i < rows; i++) yield samples.listinvoices.invoices[0] as Row;
        throw new StoreError({ code: 'corrupt', key: 'invoice/1', detail: 'no invoice' });
      })(),
    }),
  });

  test('is an error where nothing of it has been written', async () => {
    const { broken } = await serve(failing(3));
    const client = await openClient(path());
    closing.push(() => client.close());
    await expect(client.call('listinvoices')).rejects.toMatchObject({ reason: 'internal_error' });
    expect(await client.call('getinfo')).toEqual(samples.getinfo);
    expect(broken).toMatchObject([['listinvoices', { fault: { code: 'corrupt' } }]]);
  });

  test('costs the connection where its beginning is with the caller already, and the log says why', async () => {
    const { broken } = await serve(failing(5_000));
    const client = await openClient(path());
    closing.push(() => client.close());
    await expect(client.call('listinvoices')).rejects.toThrow('ended the connection');
    expect(broken).toMatchObject([['listinvoices', { fault: { code: 'corrupt' } }]]);
    const next = await openClient(path());
    closing.push(() => next.close());
    expect(await next.call('getinfo')).toEqual(samples.getinfo);
  });
});
