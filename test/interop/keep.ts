/**
 * `npm run interop -- --keep PEER`: a chain, a peer and two nodes of ours with channels between them, to be played with until Ctrl-C. A
 * file of shell functions makes each of them one word.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { satText } from '../../node/base/table.ts';
import { freePort } from '../../node/regtest/demo/bitcoind.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { Printer } from '../../node/regtest/demo/print.ts';
import { program } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { sendCoin } from './coins.ts';
import { type Kind, type Peer, talkable } from './peers/peer.ts';

type Net = Network<'alice' | 'bob'>;

const capacity = 10_000_000n;
/** A node's coins: one for a channel, and some for the fees of a close. */
const coins = [20_000_000n, 100_000n];

const quoted = (word: string): string => (/^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
const shellFunction = (name: string, words: readonly string[]): string =>
  `${name}() { ${words.map(quoted).join(' ')} "$@"; }`;

/** Channels in which both ends have half: from alice to the peer, and from the peer to bob. */
const openChannels = async (net: Net, peer: Peer): Promise<void> => {
  const { alice, bob } = net.nodes;
  for (const node of [alice, bob])
    await until(`${node.name} and ${peer.name} to be connected`, async () => {
      await node.call('connect', { ...peer.address });
      return (await peer.peers()).includes(node.id) ? true : undefined;
    });
  const terms = { sat: capacity, pushMsat: (capacity * 1000n) / 2n };
  const type = peer.kind.cannot.anchors === undefined ? [12, 22] : [12];
  await alice.call('fundchannel', {
    ...{
      id: peer.id,
      amount: capacity,
      push_msat: terms.pushMsat,
      announce: peer.kind.cannot.announcing === undefined,
    },
    channel_type: type,
  });
  await until(`${peer.name} to open a channel`, () => peer.open(bob.id, terms), { every: 500 });
  await peer.reach(await net.mine(6));
  for (const node of [alice, bob])
    await until(`${node.name}'s channel to be usable`, async () => {
      const { channels } = await node.call('listpeerchannels');
      return channels.some(({ state }) => state === 'CHANNELD_NORMAL') ? true : undefined;
    });
  await until(`${peer.name}'s channels to be usable`, async () =>
    (await peer.channels()).filter(({ usable }) => usable).length === 2 ? true : undefined,
  );
  if (peer.kind.cannot.announcing !== undefined) return;
  await until(
    'alice to know both channels',
    async () => {
      const { channels } = await alice.call('listchannels');
      if (channels.length === 4) return true;
      throw new Error(`she knows ${channels.length} directions of 4`);
    },
    { timeout: 90_000, every: 500 },
  );
};

/** What is printed when all of it is there; no line is longer than 80 columns. */
const guide = (peer: Peer, version: string, file: string, zmq: readonly (readonly [string, string])[]): string[] => {
  const line = peer.commandLine;
  return [
    '',
    `alice ── ${peer.name} ── bob, ${satText(String(capacity * 1000n))} sat in each channel, half on either side`,
    '',
    'In another terminal:',
    '',
    `  . ${file}`,
    '  bob invoice 50000sat tea "a cup of tea"',
    '  alice pay lnbcrt…',
    '  alice listpeerchannels',
    ...(line?.examples ?? []).map((example) => `  ${example}`),
    '  mine 6                         # blocks',
    '  bitcoinrpc getblockchaininfo   # any method of bitcoind',
    '',
    `The file says how each is called: alice, bob, ${line === undefined ? '' : `${line.name}, `}mine, bitcoinrpc.`,
    ...zmq.map(([topic, address]) => `bitcoind publishes ${topic} at ${address}.`),
    ...(line === undefined
      ? [
          `${peer.kind.name} ${version} has no command line: type here \`invoice SAT\`, \`pay INVOICE\`,`,
          '`channels` or `id`.',
        ]
      : []),
    'Ctrl-C ends all of it and removes its folder.',
    '',
  ];
};

/** Answers lines typed for a peer that has no command line of its own. */
const converse = (peer: Peer, out: (line: string) => void): (() => void) => {
  const lines = createInterface({ input: process.stdin, terminal: false });
  lines.on('line', (text) => {
    const [word = '', given = ''] = text.trim().split(/\s+/);
    const talk = Object.hasOwn(talkable, word) ? talkable[word as keyof typeof talkable] : undefined;
    if (word === '') return;
    if (talk === undefined) out(`expected one of ${Object.keys(talkable).join(', ')}`);
    else talk(peer, given).then(out, (error: unknown) => out(error instanceof Error ? error.message : String(error)));
  });
  return () => lines.close();
};

/** Starts it, says how to talk to each part, and resolves once it was told to stop and has. Throws Error with what a part said. */
export const keep = async (kind: Kind, env: NodeJS.ProcessEnv): Promise<void> => {
  const printer = new Printer(process.stdout, env);
  const missing = await kind.missing();
  if (missing !== undefined) throw new Error(missing);
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);

  const zmq = await Promise.all(
    ['rawblock', 'rawtx'].map(async (topic) => [topic, `tcp://127.0.0.1:${await freePort()}`] as const),
  );
  const publishing = zmq.map(([topic, address]) => `-zmqpub${topic}=${address}`);
  const version = await kind.version();
  printer.title(`${kind.name} ${version} and two nodes of ours, on one regtest chain`);
  let net: Net | undefined;
  let peer: Peer | undefined;
  try {
    const chain = [...publishing, ...(kind.chain ?? [])];
    net = await printer.step('bitcoind, alice and bob', () =>
      startNetwork({ nodes: { alice: ['--dev'], bob: ['--dev'] }, chain }),
    );
    const { dir, bitcoind } = net;
    const started = await printer.step(kind.name, () =>
      kind.start({ name: kind.name.toLowerCase(), dir, bitcoind, anchors: kind.cannot.anchors === undefined }),
    );
    peer = started;
    const known = net;
    await printer.step('coins and channels', async () => {
      for (const size of coins) await sendCoin(bitcoind, await started.newAddress(), size);
      await known.fund({ alice: coins });
      await started.reach(await known.mine(1));
      await started.hasCoins(coins.length);
      await openChannels(known, started);
    });
    const file = join(dir, 'words');
    const ours = [process.execPath, program];
    const { url } = bitcoind;
    const words = [
      ...net.names.map((name) => shellFunction(name, [...ours, '--dir', join(dir, name), '--network', 'regtest'])),
      ...(started.commandLine ? [shellFunction(started.commandLine.name, started.commandLine.words)] : []),
      `mine() { AMPERE_BITCOIND=${quoted(url)} ${ours.map(quoted).join(' ')} mine "$@"; }`,
      `bitcoinrpc() { local m=$1; shift; local IFS=,; curl -sS --data "{\\"method\\":\\"$m\\",\\"params\\":[$*]}" ${quoted(url)}; }`,
    ];
    writeFileSync(file, `${words.join('\n')}\n`, { mode: 0o600 });
    printer.lines(...guide(started, version, file, zmq));
    const quiet =
      started.commandLine === undefined ? converse(started, (line) => printer.lines(line)) : () => undefined;
    await ended;
    quiet();
    printer.lines('', 'stopping');
  } finally {
    await peer?.stop();
    await net?.stop();
    for (const signal of signals) process.off(signal, end);
  }
};
