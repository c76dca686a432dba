/** `ampere chain`, run as the command runs it. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openRpc, type RpcAuth } from '../../../../node/chain/rpc.ts';
import { exitCodes, runCommand } from '../../../../node/cli/program.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ampere-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs it until `use` is done and `stop` was called. */
const running = async (words: readonly string[], use: (url: URL) => Promise<void>) => {
  const err: string[] = [];
  let heard: (line: string) => void = () => undefined;
  const first = new Promise<string>((resolve) => {
    heard = resolve;
  });
  const command = runCommand(['chain', '--port', '0', ...words], {
    out: heard,
    err: (text) => void err.push(text),
    env: {},
    run: async () => ({ ended: Promise.resolve() }),
  });
  const failed = command.then((code) => Promise.reject(new Error(`ended with ${code}: ${err.join('\n')}`)));
  const url = new URL(/http:\S+/.exec(await Promise.race([first, failed]))?.[0] ?? '');
  failed.catch(() => undefined);
  await use(url);
  return command;
};

const ask = async <T>(url: URL, auth: RpcAuth, method: string, shape: z.ZodType<T>, ...params: readonly unknown[]) => {
  const rpc = openRpc({ host: url.hostname, port: Number(url.port), auth });
  try {
    return await rpc.call(method, params, shape);
  } finally {
    rpc.close();
  }
};

test('it says where it is and with what password, serves until it is stopped, and ends well', async () => {
  const code = await running([], async (url) => {
    const auth = { user: url.username, password: url.password };
    expect(await ask(url, auth, 'getblockcount', z.number())).toBe(0);
    await ask(url, auth, 'stop', z.string());
  });
  expect(code).toBe(exitCodes.done);
});

test('kept in a folder it comes back as it was, and its cookie file opens it while it runs', async () => {
  const words = ['--datadir', folder, '--user', 'carol', '--password', 'secret'];
  const auth = { user: 'carol', password: 'secret' };
  const cookieFile = join(folder, '.cookie');
  await running(words, async (url) => {
    const address = await ask(url, auth, 'getnewaddress', z.string());
    await ask(url, auth, 'generatetoaddress', z.array(z.string()), 3, address);
    expect((await stat(cookieFile)).mode & 0o777).toBe(0o600);
    await ask(url, { cookieFile }, 'stop', z.string());
  });
  await expect(readFile(cookieFile)).rejects.toThrow('ENOENT');
  await running(words, async (url) => {
    expect(await ask(url, auth, 'getblockcount', z.number())).toBe(3);
    await ask(url, auth, 'stop', z.string());
  });
});

/** Something that listens on a port of this machine, 0 for a free one; rejects where the port is taken. */
const listeningOn = async (port: number) => {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
};

const surroundingsOf = (err: string[]) => ({
  out: () => undefined,
  err: (text: string) => void err.push(text),
  env: {},
  run: async () => ({ ended: Promise.resolve() }),
});

test('a second one in the same folder, or on the same port, says so and leaves the first one as it is', async () => {
  const words = ['--datadir', folder];
  const cookieFile = join(folder, '.cookie');
  await running(words, async (url) => {
    const err: string[] = [];
    const second = ['chain', '--port', '0', ...words];
    expect(await runCommand(second, surroundingsOf(err))).toBe(exitCodes.failed);
    expect(await runCommand(['chain', '--port', url.port], surroundingsOf(err))).toBe(exitCodes.failed);
    expect(err).toEqual([
      `ampere: process ${process.pid} is using the chain in ${folder}; choose another folder with --datadir, or end that process`,
      `ampere: 127.0.0.1:${url.port} is taken: choose another with --port, 0 for a free one`,
    ]);
    await ask(url, { cookieFile }, 'stop', z.string());
  });
  await expect(readFile(join(folder, 'lock'))).rejects.toThrow('ENOENT');
});

test('one that cannot serve lets go of the addresses at which it was to publish, and of the signals', async () => {
  await running([], async (url) => {
    const free = await listeningOn(0);
    const { port } = z.object({ port: z.number() }).parse(free.address());
    free.close();
    const listeners = process.listenerCount('SIGTERM');
    const words = ['chain', '--port', url.port, '--zmqpubrawtx', `tcp://127.0.0.1:${port}`];
    expect(await runCommand(words, surroundingsOf([]))).toBe(exitCodes.failed);
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
    (await listeningOn(port)).close();
    await ask(url, { user: url.username, password: url.password }, 'stop', z.string());
  });
});

test('it publishes what it is told to, where it is told to', async () => {
  await running(['--zmqpubrawblock', 'tcp://127.0.0.1:0', '--zmqpubrawtx', 'tcp://localhost:0'], async (url) => {
    const auth = { user: url.username, password: url.password };
    const shape = z.array(z.object({ type: z.string(), address: z.string().regex(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/) }));
    const published = await ask(url, auth, 'getzmqnotifications', shape);
    expect(published.map(({ type }) => type)).toEqual(['pubrawblock', 'pubrawtx']);
    await ask(url, auth, 'stop', z.string());
  });
});

test('a port that is none is used wrongly', async () => {
  const err: string[] = [];
  const surroundings = surroundingsOf(err);
  expect(await runCommand(['chain', '--port', '70000'], surroundings)).toBe(exitCodes.usage);
  expect(err.join('\n')).toContain('expected a port from 0 to 65535');
  expect(await runCommand(['chain', '--zmqpubrawtx', 'tcp://*:1'], surroundings)).toBe(exitCodes.usage);
  expect(err.join('\n')).toContain('expected tcp://127.0.0.1:PORT');
});
