/** Starting and stopping networks of processes: nothing is left behind, and what goes wrong is said. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../node/regtest/demo/bitcoind.ts';
import { NodeDied, NodeProcess } from '../../node/regtest/demo/process.ts';
import { built, whyNoChain } from '../support/regtest.ts';

const folder = mkdtempSync(join(tmpdir(), 'ampere-lab-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Command lines of running processes that name a folder; nothing where there is no /proc. */
const processesOf = (name: string): readonly string[] => {
  const read = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return ''; // ended meanwhile
    }
  };
  try {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
      .map(read)
      .filter((line) => line.includes(name));
  } catch {
    return [];
  }
};

test('a test network whose node cannot start says why, with lines of its log', async () => {
  built('node/main.js');
  const node = new NodeProcess({ name: 'erin', dir: join(folder, 'erin'), flags: [] });
  const error = await node.start().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(NodeDied);
  expect(String(error)).toMatch(/erin ended with exit code 2 while starting[\s\S]*expected --bitcoind/);
  expect(node.running).toBe(false);
});

test('a node whose bitcoind does not answer says so, retries, and stops when it is told to', async () => {
  const chain = `http://u:p@127.0.0.1:${await freePort()}`;
  const options = ['start', '--dir', join(folder, 'frank'), '--listen', 'off', '--api', 'off', '--bitcoind', chain];
  const child = spawn(process.execPath, [built('node/main.js'), ...options], { stdio: ['ignore', 'inherit', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const waiting = 'trying until it answers';
    if (!said.includes(waiting) && (said + text).includes(waiting)) child.kill('SIGTERM');
    said += text;
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  expect(said).toContain('stopped before it was up');
});

describe('the demonstration, interrupted', () => {
  let missing: string | undefined;
  beforeAll(async () => {
    missing = await whyNoChain();
  });
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  const rows: readonly (readonly [NodeJS.Signals, RegExp, number])[] = [
    ['SIGINT', /starting alice/, 130],
    ['SIGTERM', /As one HTLC/, 143],
  ];
  test.each(rows)(
    'the demonstration interrupted by %s stops all processes it started',
    async (signal, moment, code) => {
      const temporary = mkdtempSync(join(folder, 'tmp-'));
      const child = spawn(process.execPath, [built('node/regtest/demo/demo.js'), '--keep'], {
        env: { ...process.env, TMPDIR: temporary, AMPERE_LAB: join(temporary, 'lab') },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (!moment.test(said) && moment.test(said + text)) child.kill(signal);
        said += text;
      });
      const ended = await new Promise((resolve) => child.once('close', resolve));
      expect(ended).toBe(code);
      expect(said).toContain(`${signal}: stopping everything`);
      // Who is killed at once may take a moment to be gone.
      await expect.poll(() => processesOf(temporary), { timeout: 10_000 }).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );
});
