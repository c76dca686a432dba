/** The process that a node is: its signals, its log, and what it writes to. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClient } from '../../node/api/rpc/client.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { program } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built } from '../support/regtest.ts';

let network: Network<'alice'>;
beforeAll(async () => {
  built('node/main.js');
  network = await startNetwork({ nodes: { alice: [] }, embedded: true });
});
afterAll(() => network?.stop());

const begins = async (): Promise<void> => {
  if (!network.nodes.alice.running) await network.nodes.alice.start();
};

describe('signals', () => {
  test('SIGUSR1 opens no debugger and SIGUSR2 does not kill the node', async () => {
    await begins();
    const { alice } = network.nodes;
    process.kill(alice.pid, 'SIGUSR1');
    process.kill(alice.pid, 'SIGUSR2');
    expect((await alice.call('getinfo')).id).toBe(alice.id);
    await alice.stop();
    expect(alice.logTail(1000)).not.toContain('Debugger listening');
  });

  test('SIGHUP stops a node in order whose log is no file', async () => {
    await begins();
    const { alice } = network.nodes;
    process.kill(alice.pid, 'SIGHUP');
    await until('alice to end', async () => (alice.running ? undefined : true));
    expect(alice.logTail(1)).toContain('"msg":"stopped"');
  });
});

/** A node of its own, with standard error where the test says. */
const spawned = (name: string, flags: readonly string[], stderr: number) => {
  const dir = join(network.dir, name);
  const where = ['--dir', dir, '--listen', 'off', '--api', 'off', '--bitcoind', network.bitcoind.url];
  const child = spawn(process.execPath, [program, 'start', ...where, ...flags], {
    stdio: ['ignore', 'ignore', stderr],
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit').then(([code]) => {
    process.off('exit', kill);
    return code as number | null;
  });
  const answers = () =>
    until(`${name} to answer`, async () => {
      const client = await openClient(join(dir, 'regtest', 'lightning-rpc'));
      try {
        const { warning_starting: starting } = await client.call('getinfo');
        return starting === undefined ? true : undefined;
      } finally {
        client.close();
      }
    });
  return { dir, child, ended, answers };
};

test('SIGHUP reopens a log file that was moved away, and the node goes on', async () => {
  const file = join(network.dir, 'own.log');
  const { child, ended, answers } = spawned('logging', ['--log-file', file], openSync('/dev/null', 'w'));
  await answers();
  renameSync(file, `${file}.1`);
  child.kill('SIGHUP');
  await until('the new file', async () => readFileSync(file, 'utf8').includes('reopened the log file') || undefined);
  await answers();
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(readFileSync(`${file}.1`, 'utf8')).toContain('"msg":"ready"');
  expect(readFileSync(file, 'utf8')).toContain('"msg":"stopped"');
});

test('a log that cannot be written stops nothing, and an answer that cannot be written is an error in a sentence', async () => {
  const full = openSync('/dev/full', 'w');
  const { dir, child, ended, answers } = spawned('unheard', [], full);
  await answers();
  const called = spawnSync(process.execPath, [program, '--dir', dir, 'getinfo'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
    // Settings of whoever runs the tests would be warned of.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AMPERE_'))),
  });
  expect([called.status, called.stderr]).toEqual([1, 'ampere: cannot write the answer: the disk is full (ENOSPC)\n']);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  closeSync(full);
});
