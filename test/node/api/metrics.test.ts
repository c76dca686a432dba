/** /metrics: what a node tells Prometheus, in its text format, and whom. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { exposition } from '../../../node/api/metrics/exposition.ts';
import { nodeMetrics } from '../../../node/api/metrics/nodemetrics.ts';
import { processMetrics } from '../../../node/api/metrics/processmetrics.ts';
import { listenHttp } from '../../../node/api/rpc/http.ts';
import { listenMetrics, metricsRoute } from '../../../node/api/rpc/metricsroute.ts';
import type { ApiServer } from '../../../node/api/rpc/unix.ts';
import { systemClock } from '../../../node/base/entropy.ts';
import { fakeRpc } from '../../support/api.ts';
import { becomes, type LocalPair, startPair } from '../../support/pair.ts';
import { memoryLog } from '../../support/peers.ts';

interface Read {
  readonly types: ReadonlyMap<string, string>;
  /** By name and labels, as they are written. */
  readonly values: ReadonlyMap<string, number>;
}

/** Reads the format as strictly as Prometheus' own parser: each family once, its help and type first, its samples together. */
const parsed = (text: string): Read => {
  expect(text.endsWith('\n')).toBe(true);
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  let helped: string | undefined;
  let family: string | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, about = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      expect(types.has(about)).toBe(false);
      helped = about;
    } else if (kind === 'TYPE') {
      expect([helped, ['counter', 'gauge'].includes(rest)]).toEqual([about, true]);
      expect(about.endsWith('_total')).toBe(rest === 'counter');
      types.set(about, rest);
      family = about;
    } else {
      const label = '[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\[\\\\n"])*"';
      const [, name, labels = '', value] =
        new RegExp(`^([a-zA-Z_:][\\w:]*)((?:\\{${label}(?:,${label})*\\})?) (-?[\\d.]+(?:e[+-]?\\d+)?)$`).exec(line) ??
        [];
      expect({ line, name }).toEqual({ line, name: family });
      expect(values.has(`${name}${labels}`)).toBe(false);
      values.set(`${name}${labels}`, Number(value));
    }
  }
  return { types, values };
};

describe('the text format', () => {
  test('has help and type before the samples, and escapes what would end a text', () => {
    const text = exposition([
      { name: 'a_total', help: 'one\\two\nthree', type: 'counter', samples: [{ value: 2n ** 64n }] },
      { name: 'b', help: 'B.', type: 'gauge', samples: [{ labels: { l: 'x"\\\n', m: '' }, value: 0.5 }] },
      { name: 'c', help: 'nothing', type: 'gauge', samples: [] },
    ]);
    expect(text.split('\n')).toEqual([
      '# HELP a_total one\\\\two\\nthree',
      '# TYPE a_total counter',
      'a_total 18446744073709551616',
      '# HELP b B.',
      '# TYPE b gauge',
      'b{l="x\\"\\\\\\n",m=""} 0.5',
      '',
    ]);
    expect(parsed(text).values.size).toBe(2);
  });
});

describe('of a node', () => {
  let pair: LocalPair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair.stop());

  test('channels, balances, payments, HTLCs, wallet, store and process are told, and change as they do', async () => {
    const ofProcess = processMetrics();
    const { alice, bob } = pair.nodes;
    const write = nodeMetrics(alice.node, systemClock, ofProcess.families);
    const bobs = nodeMetrics(bob.node, systemClock, () => []);
    const before = parsed(await write());
    expect(before.values.get('ampere_channels{state="CHANNELD_NORMAL"}')).toBe(0);
    expect(before.values.get('ampere_payments_total{outcome="complete"}')).toBe(0);

    await pair.endow('alice', 2_000_000n);
    await pair.open(1_000_000n);
    await alice.call('keysend', { destination: bob.id, amount_msat: 20_000_000n });
    await expect(alice.call('keysend', { destination: bob.id, amount_msat: 5_000_000_000n })).rejects.toThrow();

    await becomes('no HTLC in the channel', async () => (await alice.call('listhtlcs', {})).htlcs.length === 0);
    const { types, values } = parsed(await write());
    expect([...types.keys()].sort()).toEqual([...before.types.keys()].sort());
    expect(values.get('ampere_channels{state="CHANNELD_NORMAL"}')).toBe(1);
    expect(values.get('ampere_channel_balance_msat{side="remote"}')).toBe(20_000_000);
    expect(values.get('ampere_channel_balance_msat{side="local"}')).toBe(980_000_000);
    expect(values.get('ampere_payments_total{outcome="complete"}')).toBe(1);
    expect(values.get('ampere_payments_total{outcome="failed"}')).toBe(1);
    expect(values.get('ampere_payments_pending')).toBe(0);
    expect(values.get('ampere_peers')).toBe(1);
    expect(values.get('ampere_block_height')).toBe(alice.node.follower.height);
    expect(values.get('ampere_htlcs{direction="out"}')).toBe(0);
    expect(values.get('ampere_wallet_sat{status="confirmed"}')).toBeGreaterThan(900_000);
    for (const name of ['ampere_store_bytes', 'ampere_disk_free_bytes', 'process_resident_memory_bytes'])
      expect(values.get(name)).toBeGreaterThan(0);
    expect(values.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);

    const received = parsed(await bobs()).values;
    expect(received.get('ampere_payments_received_total')).toBe(1);
    expect(received.get('ampere_payments_received_msat_total')).toBe(20_000_000);
    ofProcess.stop();
  });

  test('a disk that does not answer leaves out its sizes, and nothing waits for it', async () => {
    const { node } = pair.nodes.alice;
    const after = (_ms: number, run: () => void) => {
      setImmediate(run);
      return () => undefined;
    };
    const clock = { now: () => 0, after };
    const nowhere = { ...node, config: { ...node.config, networkDir: '/nowhere' } };
    const { values } = parsed(await nodeMetrics(nowhere, clock, () => [])());
    expect(values.has('ampere_store_bytes')).toBe(false);
    expect(values.get('ampere_peers')).toBe(1);
  });
});

describe('are served', () => {
  const token = 'ab'.repeat(32);
  const open: ApiServer[] = [];
  afterEach(async () => {
    for (const server of open.splice(0)) await server.close();
  });
  const anywhere = { host: '127.0.0.1', port: 0 };
  const ask = async (port: number, path: string, given: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, given);
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.text() };
  };

  test('on the API’s port to who has the token, and not before the node has read its records', async () => {
    let text: Promise<string> | undefined;
    const server = await listenHttp(anywhere, token, fakeRpc().answer, [metricsRoute(() => text)]);
    open.push(server);
    const bearer = { headers: { authorization: `Bearer ${token}` } };
    expect(await ask(server.address.port, '/metrics')).toMatchObject({ status: 401 });
    expect(await ask(server.address.port, '/metrics', bearer)).toMatchObject({ status: 503 });
    text = Promise.resolve('a 1\n');
    const type = 'text/plain; version=0.0.4; charset=utf-8';
    expect(await ask(server.address.port, '/metrics', bearer)).toEqual({ status: 200, type, body: 'a 1\n' });
  });

  test('on a port of their own without the token, and nothing else is there', async () => {
    const lines: string[] = [];
    const server = await listenMetrics(anywhere, () => Promise.resolve('a 1\n'), memoryLog(lines));
    open.push(server);
    const { port } = server.address;
    expect(await ask(port, '/metrics')).toMatchObject({ status: 200, body: 'a 1\n' });
    expect(await ask(port, '/')).toMatchObject({ status: 404 });
    expect(await ask(port, '/metrics', { method: 'POST' })).toMatchObject({ status: 405 });
    expect(lines).toEqual([]);
    await expect(listenMetrics(server.address, () => undefined, memoryLog())).rejects.toThrow('--metrics HOST:PORT');
  });

  test('to other machines with a warning, since they show what the node holds', async () => {
    const lines: string[] = [];
    open.push(await listenMetrics({ host: '0.0.0.0', port: 0 }, () => undefined, memoryLog(lines)));
    expect(lines.join()).toContain('metrics are served to all who can reach this address');
  });
});
