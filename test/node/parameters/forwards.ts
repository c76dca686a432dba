/** Parameters of methods about HTLCs that are forwarded, and of what channels ask for them. */
import type { CallParams } from '../../../node/api/table.ts';
import type { Line } from '../../support/line.ts';
import { paid, type Rows, STRANGER, said, secret, whileHeld } from './rows.ts';

const scidOf = async ({ bob, left, right }: Line, which: 'left' | 'right'): Promise<string> => {
  const [channel] = (await bob.call('listpeerchannels', { channel_id: which === 'left' ? left : right })).channels;
  return channel?.short_channel_id ?? '';
};

/** Forwards that bob shows, with a parameter and without. */
const shown = async (line: Line, given: (line: Line) => Promise<CallParams<'listforwards'>>) => {
  await paid(line);
  await paid(line);
  const { bob } = line;
  return [
    (await bob.call('listforwards', {})).forwards.length,
    (await bob.call('listforwards', await given(line))).forwards.length,
  ] as const;
};

/** A field of alice's channel with bob, which nobody pays over, before it is set and after. */
const set = async ({ alice, left }: Line, given: Partial<CallParams<'setchannel'>>) =>
  [
    await said(alice.call('setchannel', { id: left })),
    await said(alice.call('setchannel', { id: left, ...given })),
  ] as const;

/** HTLCs that bob has while one of a payment is on its way over him. */
const held = (line: Line, given: CallParams<'listhtlcs'>) =>
  whileHeld(line, secret(), async () => {
    const { bob } = line;
    const shown = async (params: CallParams<'listhtlcs'>) => (await bob.call('listhtlcs', params)).htlcs.length;
    return [await shown({}), await shown(given)] as const;
  });

export const forwardRows: Rows = {
  'listhtlcs.id': (line) => held(line, { id: line.right }),
  'listhtlcs.limit': (line) => held(line, { limit: 1 }),
  'listforwards.status': (line) => shown(line, async () => ({ status: 'offered' })),
  'listforwards.in_channel': (line) => shown(line, async () => ({ in_channel: await scidOf(line, 'right') })),
  'listforwards.out_channel': (line) => shown(line, async () => ({ out_channel: await scidOf(line, 'left') })),
  // There is one order: what asks for another is told so.
  'listforwards.index': async ({ bob }) => [
    await said(bob.call('listforwards', { index: 'created' })),
    await said((async () => bob.call('listforwards', { index: 'updated' } as never))()),
  ],
  'listforwards.start': (line) => shown(line, async () => ({ start: 2 })),
  'listforwards.limit': (line) => shown(line, async () => ({ limit: 1 })),
  'setchannel.id': async ({ alice }) => [
    await said(alice.call('setchannel', { id: STRANGER })),
    await said(alice.call('setchannel', { id: 'all' })),
  ],
  'setchannel.feebase': (line) => set(line, { feebase: 7 }),
  'setchannel.feeppm': (line) => set(line, { feeppm: 77 }),
  'setchannel.htlcmin': (line) => set(line, { htlcmin: 777 }),
  'setchannel.htlcmax': (line) => set(line, { htlcmax: 77_777 }),
  'setchannel.enforcedelay': async ({ alice, left }) => {
    const key = [...alice.node.channels.entries.keys()][0] ?? '';
    await alice.call('setchannel', { id: left, feebase: 8 });
    const before = alice.node.policies.isGraceOver(key);
    await alice.call('setchannel', { id: left, feebase: 9, enforcedelay: 0 });
    return [before, alice.node.policies.isGraceOver(key)];
  },
};
