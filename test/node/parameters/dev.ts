/** Parameters of methods for experiments. */
import type { Line } from '../../support/line.ts';
import { becomes } from '../../support/pair.ts';
import { bill, paid, type Rows, STRANGER, said, secret, whileHeld } from './rows.ts';

const statusOf = (answer: unknown): unknown =>
  typeof answer === 'object' && answer !== null && 'status' in answer ? answer.status : answer;

/** What becomes of a payment to carol while she is told to leave a peer's HTLCs alone. */
const leftAlone = async (line: Line, id: string, ignore: boolean): Promise<string> => {
  const { alice, carol, logs } = line;
  const lines = logs.carol.length;
  await carol.call('dev-ignore-htlcs', { id, ignore });
  const { bolt11 } = await bill(line);
  let over = false;
  const paying = said(alice.call('pay', { bolt11 })).then(() => {
    over = true;
  });
  const isLeft = (): boolean => logs.carol.slice(lines).some((one) => one.includes('ignoring an HTLC'));
  await becomes('paid or left alone', () => over || isLeft());
  const found = over ? 'paid' : 'left alone';
  await carol.call('dev-ignore-htlcs', { id, ignore: false });
  await paying;
  return found;
};

export const devRows: Rows = {
  'dev-disconnect.rules': async ({ alice }) => {
    const before = (await alice.call('dev-disconnect', {})).rules;
    const found = [
      before,
      (await alice.call('dev-disconnect', { rules: ['-WIRE_CLOSING_SIGNED' as never] })).rules,
    ] as const;
    await alice.call('dev-disconnect', { rules: [] });
    return found;
  },
  'dev-crash.point': async ({ alice }) => [
    await said(alice.call('dev-crash', {})),
    await said(alice.call('dev-crash', { point: 'before:nosuch/*' as never })),
  ],
  'dev-hold-saves.point': async ({ alice }) => {
    const held = await alice.call('dev-hold-saves', {});
    await alice.call('dev-release-saves', {});
    return [held.armed, (await alice.call('dev-hold-saves', { point: 'nosuch/*' as never })).armed];
  },
  'dev-fail-save.point': async ({ alice }) => [
    (await alice.call('dev-fail-save', { point: 'nosuch/*' as never })).armed.at(-1),
    (await alice.call('dev-fail-save', { point: 'another/*' as never })).armed.at(-1),
  ],
  'dev-record-saves.on': async ({ alice }) => {
    const recorded = async (on: boolean) => {
      await alice.call('dev-record-saves', { on });
      await alice.call('newaddr', {});
      return (await alice.call('dev-record-saves', { on: false })).commits.length > 0;
    };
    return [await recorded(false), await recorded(true)];
  },
  'dev-ignore-htlcs.id': async (line) => [
    await leftAlone(line, STRANGER, true),
    await leftAlone(line, line.bob.id, true),
  ],
  'dev-ignore-htlcs.ignore': async (line) => [
    await leftAlone(line, line.bob.id, false),
    await leftAlone(line, line.bob.id, true),
  ],
  'dev-fail-process-onionpacket.fail': async (line) => {
    await line.bob.call('dev-fail-process-onionpacket', { fail: true });
    const failed = statusOf(await paid(line));
    await line.bob.call('dev-fail-process-onionpacket', { fail: false });
    return [failed, statusOf(await paid(line))];
  },
  'dev-feerate.id': async ({ alice, left }) => [
    await said(alice.call('dev-feerate', { id: STRANGER, feerate: 1_100 })),
    await said(alice.call('dev-feerate', { id: left, feerate: 1_100 })),
  ],
  'dev-feerate.feerate': async ({ alice, left }) => {
    const rate = async (feerate: number) => {
      await alice.call('dev-feerate', { id: left, feerate });
      const perkw = async () =>
        (await alice.call('listpeerchannels', { channel_id: left })).channels[0]?.feerate?.perkw;
      await becomes('the new rate', async () => (await perkw()) === feerate);
      return perkw();
    };
    return [await rate(1_200), await rate(1_300)];
  },
  'dev-dump-state.secrets': async ({ alice }) => {
    const size = async (secrets: boolean) =>
      JSON.stringify(await alice.call('dev-dump-state', { secrets }), (_, one) => (typeof one === 'bigint' ? 0 : one));
    return [await size(false), await size(true)];
  },
  'dev-sign-last-tx.id': async ({ alice, left }) => [
    await said(alice.call('dev-sign-last-tx', { id: STRANGER })),
    typeof (await said(alice.call('dev-sign-last-tx', { id: left }))),
  ],
  'dev-sign-last-tx.number': async (line) => {
    const { alice, left: id } = line;
    const { commitment_number: number } = await alice.call('dev-remember-commitment', { id });
    await paid(line);
    const signed = async (given: object) => (await alice.call('dev-sign-last-tx', { id, ...given })).commitment_number;
    return [await signed({}), await signed({ number })];
  },
  'dev-sign-last-tx.preimages': async (line) => {
    const preimage = secret();
    const { carol, right: id } = line;
    const signed = async (preimages: string[]) =>
      (await carol.call('dev-sign-last-tx', { id, preimages })).htlcs.map(({ tx }) => tx !== undefined);
    return whileHeld(line, preimage, async () => [await signed([]), await signed([preimage])] as const);
  },
  'dev-remember-commitment.id': async ({ alice, left }) => [
    await said(alice.call('dev-remember-commitment', { id: STRANGER })),
    typeof (await said(alice.call('dev-remember-commitment', { id: left }))),
  ],
};

/** What carol publishes with an HTLC in her commitment: blind, with its preimage, and with its transaction behind. Once only. */
const publishing = async (line: Line) => {
  const { carol, right: id } = line;
  const preimage = secret();
  return whileHeld(line, preimage, async () => {
    const blind = await carol.call('dev-broadcast-commitment', { id });
    const open = await carol.call('dev-broadcast-commitment', { id, preimages: [preimage] });
    const behind = await carol.call('dev-broadcast-commitment', { id, preimages: [preimage], htlcs: true });
    return { blind, open, behind };
  });
};
let published: ReturnType<typeof publishing> | undefined;
const thieving = (line: Line): ReturnType<typeof publishing> => {
  published ??= publishing(line);
  return published;
};

/** These end the channel of bob and carol. */
export const thievingRows: Rows = {
  'dev-broadcast-commitment.id': async ({ carol }) => [
    await said(carol.call('dev-broadcast-commitment', { id: STRANGER })),
    await said(carol.call('dev-broadcast-commitment', { id: '77'.repeat(32) })),
  ],
  'dev-broadcast-commitment.number': async ({ carol, right: id }) => [
    await said(carol.call('dev-broadcast-commitment', { id, number: 99_999 })),
    await said(carol.call('dev-broadcast-commitment', { id, number: 99_998 })),
  ],
  'dev-broadcast-commitment.preimages': async (line) => {
    const { blind, open } = await thieving(line);
    return [blind.htlcs.map(({ tx }) => tx), open.htlcs.map(({ tx }) => tx)];
  },
  'dev-broadcast-commitment.htlcs': async (line) => {
    const { open, behind } = await thieving(line);
    const seen = ({ htlcs, refused }: typeof open) => [htlcs.map(({ tx }) => tx), refused.length];
    return [seen(open), seen(behind)];
  },
};
