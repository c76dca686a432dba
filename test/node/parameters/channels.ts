/** Parameters of methods about peers, channels, coins and backups. */
import { join } from 'node:path';
import { Transaction } from 'bitcoinjs-lib';
import { type CallParams, table } from '../../../node/api/table.ts';
import { fakeRpc, patient } from '../../support/api.ts';
import type { LocalNode } from '../../support/inprocess.ts';
import type { Line } from '../../support/line.ts';
import { becomes } from '../../support/pair.ts';
import { ADDRESS, type Rows, SCRIPT, STRANGER, said } from './rows.ts';

type Funding = Partial<CallParams<'fundchannel'>>;

const portOf = ({ node }: LocalNode): number => node.peers.address?.port ?? 0;
const connect = (from: LocalNode, to: LocalNode) =>
  from.call('connect', { id: to.id, host: '127.0.0.1', port: portOf(to) });
const paidOut = (tx: string): number => Transaction.fromHex(tx).outs.reduce((sum, { value }) => sum + Number(value), 0);

/** A channel of alice's with bob, as alice shows it once its funding is in a block. */
const opened = async ({ alice, bob, mine }: Line, given: Funding = {}) => {
  const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 30_000n, ...given });
  await mine(1);
  const [channel] = (await alice.call('listpeerchannels', { channel_id })).channels;
  return channel;
};
const openings = async (line: Line, given: Funding, name: keyof NonNullable<Awaited<ReturnType<typeof opened>>>) =>
  [(await opened(line))?.[name], (await opened(line, given))?.[name]] as const;
/** What is left in the wallet, in satoshi. */
const left = async (node: LocalNode): Promise<bigint> =>
  (await node.call('listfunds', {})).outputs.reduce((sum, { amount_msat }) => sum + amount_msat / 1000n, 0n);

export const peerRows: Rows = {
  'connect.id': async ({ alice, bob }) => [
    await said(alice.call('connect', { id: STRANGER })),
    await said(alice.call('connect', { id: bob.id })),
  ],
  'connect.host': async ({ alice }) => [
    await said(alice.call('connect', { id: STRANGER })),
    await said(alice.call('connect', { id: STRANGER, host: '127.0.0.1', port: 1 })),
  ],
  'connect.port': async ({ alice, bob }) => [
    await said(alice.call('connect', { id: STRANGER, host: '127.0.0.1', port: 1 })),
    await said(alice.call('connect', { id: STRANGER, host: '127.0.0.1', port: portOf(bob) })),
  ],
  'disconnect.id': async ({ alice, bob }) => [
    await said(alice.call('disconnect', { id: STRANGER })),
    await said(alice.call('disconnect', { id: bob.id })),
  ],
  'disconnect.force': async ({ alice, bob, left: channel_id }) => {
    const found = [
      await said(alice.call('disconnect', { id: bob.id })),
      await said(alice.call('disconnect', { id: bob.id, force: true })),
    ] as const;
    await becomes('gone', () => alice.node.peers.get(bob.node.keys.nodeId) === undefined);
    await connect(alice, bob);
    await becomes('in step again', async () => {
      const { channels } = await alice.call('listpeerchannels', { channel_id });
      return channels[0]?.reestablished === true;
    });
    return found;
  },
  'listpeers.id': async ({ bob, alice }) => [
    (await bob.call('listpeers', {})).peers.length,
    (await bob.call('listpeers', { id: alice.id })).peers.length,
  ],
  'newaddr.addresstype': async ({ alice }) => [
    Object.keys(await alice.call('newaddr', { addresstype: 'bech32' })),
    // There is one kind: who needs another is told so.
    await said((async () => alice.call('newaddr', { addresstype: 'p2tr' } as never))()),
  ],
  'backup.file': async ({ alice, dir }) => [
    (await alice.call('backup', {})).file,
    (await alice.call('backup', { file: join(dir, 'copy') })).file,
  ],
  'recover.file': async ({ alice, dir }) => [
    await said(alice.call('recover', { file: join(dir, 'nosuch') })),
    await said(alice.call('recover', { file: (await alice.call('backup', { file: join(dir, 'copy') })).file })),
  ],
  'help.command': async () => {
    const ask = async (params: object) => fakeRpc().answer(JSON.stringify({ id: 1, method: 'help', params }), patient);
    return [await ask({}), await ask({ command: 'pay' })];
  },
  'notifications.enable': async () => {
    const ask = async (params: object) =>
      fakeRpc().answer(JSON.stringify({ id: 1, method: 'notifications', params }), patient);
    return [await ask({}), await ask({ enable: true })];
  },
  'setconfig.config': async ({ alice }) => [
    await said(alice.call('setconfig', { config: 'alias', val: 'info' })),
    await said(alice.call('setconfig', { config: 'log-level', val: 'info' })),
  ],
  'setconfig.val': async ({ alice }) => [
    await alice.call('setconfig', { config: 'log-level', val: 'info' }),
    await alice.call('setconfig', { config: 'log-level', val: 'peer=debug' }),
  ],
  'setconfig.transient': async ({ alice }) => [
    await said(alice.call('setconfig', { config: 'log-level', val: 'info' })),
    await said(alice.call('setconfig', { config: 'log-level', val: 'info', transient: false })),
  ],
  'listpeerchannels.id': async ({ bob, alice }) => [
    (await bob.call('listpeerchannels', {})).channels.length,
    (await bob.call('listpeerchannels', { id: alice.id })).channels.length,
  ],
  'listpeerchannels.channel_id': async ({ bob, left: channel_id }) => [
    (await bob.call('listpeerchannels', {})).channels.length,
    (await bob.call('listpeerchannels', { channel_id })).channels.length,
  ],
  'listpeerchannels.short_channel_id': async ({ bob }) => {
    const { channels } = await bob.call('listpeerchannels', {});
    const short_channel_id = channels[0]?.short_channel_id ?? '';
    return [channels.length, (await bob.call('listpeerchannels', { short_channel_id })).channels.length];
  },
};

export const fundingRows: Rows = {
  'fundchannel.id': async (line) => [
    await said(opened(line, { id: STRANGER })),
    (await said(opened(line))) !== undefined,
  ],
  'fundchannel.amount': (line) => openings(line, { amount: 40_000n }, 'total_msat'),
  'fundchannel.feerate': async ({ alice, bob, mine }) => {
    const outputs = async (feerate: string) => {
      const { tx } = await alice.call('fundchannel', { id: bob.id, amount: 30_000n, feerate });
      await mine(1);
      return paidOut(tx) % 100_000;
    };
    return [await outputs('1000perkw'), await outputs('3000perkw')];
  },
  'fundchannel.announce': (line) => openings(line, { announce: false }, 'private'),
  'fundchannel.minconf': async (line) => [
    typeof (await said(opened(line))),
    typeof (await said(opened(line, { minconf: 100_000 }))),
  ],
  'fundchannel.push_msat': (line) => openings(line, { push_msat: 5_000_000n }, 'to_us_msat'),
  'fundchannel.close_to': (line) => openings(line, { close_to: ADDRESS }, 'close_to'),
  'fundchannel.channel_type': async (line) => {
    const bits = async (channel_type: number[]) =>
      (await opened(line, { announce: false, channel_type }))?.channel_type;
    return [await bits([12, 22]), await bits([12, 22, 46])];
  },
  'fundchannel.use_reserve': async ({ carol, bob, mine }) => {
    const amount = (await left(carol)) - 40_000n;
    const found = [
      typeof (await said(carol.call('fundchannel', { id: bob.id, amount }))),
      typeof (await said(carol.call('fundchannel', { id: bob.id, amount, use_reserve: true }))),
    ] as const;
    await mine(1);
    return found;
  },
  'fundchannel_cancel.id': async ({ alice, bob, mine }) => {
    const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 30_000n });
    const found = [
      typeof (await said(alice.call('fundchannel_cancel', { id: STRANGER }))),
      typeof (await said(alice.call('fundchannel_cancel', { id: channel_id }))),
    ] as const;
    await mine(1);
    return found;
  },
  'fundchannel_cancel.feerate': async ({ alice, bob, mine }) => {
    const fee = async (feerate: string) => {
      const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 30_000n, feerate: '1000perkw' });
      const { fee_msat } = await alice.call('fundchannel_cancel', { id: channel_id, feerate });
      await mine(1);
      return fee_msat;
    };
    return [await fee('3000perkw'), await fee('9000perkw')];
  },
  'listfunds.spent': async ({ alice }) => [
    (await alice.call('listfunds', {})).outputs.length,
    (await alice.call('listfunds', { spent: true })).outputs.length,
  ],
  'withdraw.destination': async ({ bob }) => {
    const { bech32 = '' } = await bob.call('newaddr', {});
    const tx = async (destination: string) => (await bob.call('withdraw', { destination, satoshi: 10_000n })).tx;
    return [(await tx(bech32)).includes(SCRIPT), (await tx(ADDRESS)).includes(SCRIPT)];
  },
  'withdraw.satoshi': async ({ bob }) => {
    const given = async (satoshi: bigint) => {
      const { tx } = await bob.call('withdraw', { destination: ADDRESS, satoshi });
      return Transaction.fromHex(tx).outs.find(({ script }) => Buffer.from(script).toString('hex') === SCRIPT)?.value;
    };
    return [await given(10_000n), await given(20_000n)];
  },
  'withdraw.feerate': async ({ bob, mine }) => {
    await mine(1);
    const outputs = async (feerate: string) =>
      paidOut((await bob.call('withdraw', { destination: ADDRESS, satoshi: 10_000n, feerate })).tx) % 100_000;
    return [await outputs('1000perkw'), await outputs('3000perkw')];
  },
  'withdraw.minconf': async ({ bob }) => {
    const given = { destination: ADDRESS, satoshi: 10_000n };
    return [
      typeof (await said(bob.call('withdraw', given))),
      typeof (await said(bob.call('withdraw', { ...given, minconf: 100_000 }))),
    ];
  },
  'withdraw.use_reserve': async ({ carol, mine }) => {
    await mine(1);
    const given = { destination: ADDRESS, satoshi: (await left(carol)) - 20_000n };
    return [
      typeof (await said(carol.call('withdraw', given))),
      typeof (await said(carol.call('withdraw', { ...given, use_reserve: true }))),
    ];
  },
};

/** A channel of alice's with bob that is there to be closed. */
const doomed = ({ alice, bob, open }: Line) => open(alice, bob, 50_000n, { push_msat: 20_000_000n });
const closing = async (line: Line, given: object = {}) =>
  line.alice.call('close', { id: await doomed(line), ...given });

export const closeRows: Rows = {
  'close.id': async (line) => [
    await said(line.alice.call('close', { id: STRANGER })),
    field(await said(closing(line)), 'type'),
  ],
  'close.destination': async (line) => [
    (await closing(line)).txs?.[0]?.includes(SCRIPT),
    (await closing(line, { destination: ADDRESS })).txs?.[0]?.includes(SCRIPT),
  ],
  'close.feerange': async (line) => {
    const outputs = async (rate: string) => paidOut((await closing(line, { feerange: [rate, rate] })).txs?.[0] ?? '');
    return [await outputs('1000perkw'), await outputs('2000perkw')];
  },
  'listclosedchannels.id': async (line) => {
    await closing(line);
    line.ground.mine(100);
    await line.mine(1);
    const shown = async (given: object) => (await line.alice.call('listclosedchannels', given)).closedchannels.length;
    await becomes('a channel that is closed', async () => (await shown({})) > 0);
    return [await shown({}), await shown({ id: STRANGER })];
  },
  'close.force': async (line) => [(await closing(line)).type, (await closing(line, { force: true })).type],
  'close.unilateraltimeout': async (line) => {
    const { alice, bob } = line;
    const [patientOne, other] = [await doomed(line), await doomed(line)];
    await bob.call('dev-disconnect', { rules: ['0WIRE_SHUTDOWN'] as never });
    void said(alice.call('close', { id: patientOne }));
    const { type } = await alice.call('close', { id: other, unilateraltimeout: 1 });
    const state = async (channel_id: string) =>
      (await alice.call('listpeerchannels', { channel_id })).channels[0]?.state;
    expectUnilateral(type);
    return [await state(patientOne), await state(other)];
  },
};

const expectUnilateral = (type: string): void => {
  if (type !== 'unilateral') throw new Error(`expected a close alone, not ${type}`);
};
const field = (answer: unknown, name: string): unknown =>
  typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>)[name] : answer;

/** Every method with parameters, and those of each. */
export const allParameters = (): readonly (readonly [method: string, name: string, schema: unknown])[] =>
  Object.entries(table).flatMap(([method, { params }]) =>
    Object.entries(params.shape).map(([name, schema]) => [method, name, schema] as const),
  );
