/**
 * Three nodes in a line, each a process of its own, on a chain in this process that funds a network on paper, too: payer, the node that
 * is measured, and payee. How long the node takes to forward an HTLC is read from what its two peers see on the wire.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { packaged } from '../../node/base/packaged.ts';
import { networkOf } from '../../node/ports/network.ts';
import { faucetOf } from '../../node/regtest/chain/faucet.ts';
import { openRegtest } from '../../node/regtest/chain/regtest.ts';
import { serveChain } from '../../node/regtest/chain/serve.ts';
import { freePort } from '../../node/regtest/demo/bitcoind.ts';
import { NodeProcess, program } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { scriptOfAddress } from '../../node/wallet/address.ts';
import { hex } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import { fundOn } from './publicgossip.ts';

const CAPACITY = 9_000_000n;
const PATIENT = { timeout: 120_000 } as const;

/** Milliseconds of one payment. */
export interface PaymentTimes {
  /** From the payer's last revoke_and_ack, which commits the HTLC for good, to update_add_htlc at the payee. */
  readonly forward: number;
  /** From update_add_htlc of the payer to update_add_htlc at the payee. */
  readonly hop: number;
  /** From the call to the preimage. */
  readonly whole: number;
}

export interface Line {
  readonly payer: NodeProcess;
  /** The node that is measured, `ampere start` as it is. */
  readonly middle: NodeProcess;
  readonly payee: NodeProcess;
  /** Pays one HTLC from end to end. */
  pay(): Promise<void>;
  /** The times of all payments, in order. */
  times(): Promise<readonly PaymentTimes[]>;
  /** What a metric of the measured node says. */
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

interface Seen {
  readonly at: number;
  readonly direction: 'in' | 'out';
  readonly name: string;
}

/** What a node saw of HTLCs on the wire, in order. */
const seenIn = async (trace: string): Promise<readonly Seen[]> => {
  const lines = (await readFile(trace, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { time, direction, name } = JSON.parse(line) as { time: string } & Omit<Seen, 'at'>;
    return { at: Date.parse(time), direction, name };
  });
};

/** For each HTLC that the payer offered: when, and when it was committed for good. */
const offeredIn = (seen: readonly Seen[]): readonly (readonly [offered: number, committed: number])[] =>
  seen.flatMap(({ at, direction, name }, index) => {
    if (direction !== 'out' || name !== 'update_add_htlc') return [];
    const last = seen.slice(index).find((one) => one.direction === 'out' && one.name === 'revoke_and_ack');
    return last === undefined ? [] : [[at, last.at] as const];
  });

/** Starts it; `scripts` fund so many channels on paper, and `profiles` is a folder for what the measured node does all the time. */
export const startLine = async (scripts: Uint8Array, channels: number, profiles?: string): Promise<Line> => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-gossip-line-'));
  const regtest = await openRegtest(systemClock);
  const faucet = faucetOf(regtest);
  const mine = (blocks: number) => regtest.mine(blocks, scriptOfAddress(faucet.address, networkOf('regtest')));
  mine(130);
  fundOn(regtest.ledger, scripts, channels);
  const login = `bench:${hex(systemEntropy.bytes(16))}`;
  const where = { host: '127.0.0.1', port: 0, logins: [login], stop: () => undefined };
  const chain = await serveChain({ regtest, clock: systemClock, ...where });
  const metricsPort = await freePort();
  const flags = ['--bitcoind', `http://${login}@${chain.host}:${chain.port}`, '--log-level', 'warn'];
  const traceOf = (name: string) => join(dir, `${name}.trace`);
  const end = (name: string) =>
    new NodeProcess({
      ...{ name, dir: join(dir, name), command: [packaged('dist/test/bench/gossipend.js')] },
      flags: [...flags, '--trace', traceOf(name), '--trace-format', 'json', '--trace-max-size', '1000'],
    });
  const [payer, payee] = [end('payer'), end('payee')];
  const middle = new NodeProcess({
    ...{ name: 'middle', dir: join(dir, 'middle') },
    ...(profiles !== undefined && { command: ['--cpu-prof', '--cpu-prof-dir', profiles, program] }),
    flags: [...flags, '--metrics', `127.0.0.1:${metricsPort}`],
  });
  const nodes = [payer, middle, payee];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    await chain.close();
    rmSync(dir, { recursive: true, force: true });
  };
  const whole: number[] = [];
  const pay = async (): Promise<void> => {
    const from = performance.now();
    await payer.call('keysend', { destination: payee.id, amount_msat: 1_000_000n, shards: 1 });
    whole.push(performance.now() - from);
  };
  try {
    for (const node of nodes) await node.start();
    for (const [from, to] of [
      [payer, middle],
      [middle, payee],
    ] as const) {
      const { bech32 = '' } = await from.call('newaddr');
      const script = scriptOfAddress(bech32, networkOf('regtest'));
      faucet.give([{ script, amount: sat(CAPACITY + 100_000n) }]);
      mine(1);
      const coins = async () => ((await from.call('listfunds')).outputs.length > 0 ? true : undefined);
      await until('coins', coins, PATIENT);
      await from.call('connect', { id: to.id, host: '127.0.0.1', port: to.port });
      await from.call('fundchannel', { id: to.id, amount: CAPACITY });
      mine(6);
    }
    await until('a first payment', async () => pay().then(() => true), PATIENT);
  } catch (error) {
    await stop();
    throw error;
  }
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  const times = async (): Promise<readonly PaymentTimes[]> => {
    const offered = offeredIn(await seenIn(traceOf('payer')));
    const arrived = (await seenIn(traceOf('payee'))).filter(
      ({ direction, name }) => direction === 'in' && name === 'update_add_htlc',
    );
    // Those of attempts that failed before the line was there are none of both.
    return offered.slice(-whole.length).map(([first, committed], index) => {
      const at = arrived.at(index - whole.length)?.at ?? Number.NaN;
      return { forward: at - committed, hop: at - first, whole: whole[index] ?? Number.NaN };
    });
  };
  return { payer, middle, payee, pay, times, metric, stop };
};
