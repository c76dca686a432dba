/** The program that the README shows runs as it stands there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClient } from '../../node/api/rpc/client.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { program } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built } from '../support/regtest.ts';

let network: Network<'alice'>;
beforeAll(async () => {
  built('node/index.js');
  network = await startNetwork({ nodes: { alice: [] }, embedded: true });
});
afterAll(() => network?.stop());

test('the program in the README runs a node with a protocol of its own until the node is stopped', async () => {
  const dist = dirname(dirname(program));
  const readme = readFileSync(join(dirname(dist), 'README.md'), 'utf8');
  const [code] = [...readme.matchAll(/```js\n(.*?)```/gs)]
    .map(([, text = '']) => text)
    .filter((text) => text.includes('runNode'));
  const file = join(network.dir, 'example.mjs');
  writeFileSync(file, (code ?? '').replace(/'ampere\/(\w+)'/g, `'${dist}/$1/index.js'`));
  const dir = join(network.dir, 'example');
  const env = {
    ...process.env,
    ...{ AMPERE_BITCOIND: network.bitcoind.url, AMPERE_LISTEN: 'off', AMPERE_API: 'off', AMPERE_LOG_LEVEL: 'silent' },
  };
  const child = spawn(process.execPath, [file, dir], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  await until('the program to say who its node is', async () => (said.includes('\n') ? true : undefined));
  const client = await openClient(join(dir, 'regtest', 'lightning-rpc'));
  const { id, blockheight } = await client.call('getinfo');
  expect(said).toBe(`${id} ${blockheight}\n`);
  await client.call('stop');
  client.close();
  expect(await once(child, 'exit')).toEqual([0, null]);
  process.off('exit', kill);
});
