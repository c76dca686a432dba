/** Channels of a lab: opened once each, and waited for until payments can use them. */
import type { Faucet } from './faucet.ts';
import type { LabChannel, LabFile } from './labfile.ts';
import type { Member, MemberChannel } from './member.ts';
import { connect, type Members, waitForHeight, waitForMember } from './members.ts';

/** Satoshi beside a channel's capacity for the fee of its transaction, and in a coin that each node gets for whatever it likes. */
const feeRoom = 50_000n;
const pocket = 10_000_000n;
/** Confirmations after which a channel is announced (BOLT 7). */
const announceDepth = 6;
/** Milliseconds until a channel that does not come back in step is only told of. */
const backPatience = 30_000;

interface LabTools {
  readonly members: Members;
  readonly faucet: Faucet;
  readonly progress: (line: string) => void;
}

/** States, in the words of both kinds of nodes, of a channel that is used or will be; any other is closing or closed. */
const living = ['OPENINGD', 'CHANNELD_AWAITING_LOCKIN', 'CHANNELD_NORMAL', 'active', 'inactive'];
const isLiving = ({ state }: MemberChannel): boolean => living.includes(state);

const memberOf = (members: Members, name: string): Member => {
  const member = members.get(name);
  if (member === undefined) throw new RangeError(`lab.json: no node ${name}`);
  return member;
};

/** Mines blocks and waits until all these nodes have read them. Gives the height. */
export const mineAnd = async (faucet: Faucet, blocks: number, members: Iterable<Member>): Promise<number> => {
  const height = await faucet.mine(blocks);
  await Promise.all([...members].map((member) => waitForHeight(member, height)));
  return height;
};

/** Channels that are still to be opened. */
export const missingOf = ({ channels }: Pick<LabFile, 'channels'>): readonly LabChannel[] =>
  channels.filter(({ funding }) => funding === undefined);

/** Gives every node what it needs for channels that it is to open, a coin for each, and one for itself. */
export const fundWallets = async (lab: LabFile, { members, faucet, progress }: LabTools): Promise<void> => {
  const coins: (readonly [address: string, sat: bigint])[] = [];
  const waited: (readonly [member: Member, sat: bigint])[] = [];
  for (const [name, member] of members) {
    const wanted = missingOf(lab)
      .filter(({ from }) => from === name)
      .map(({ capacity_sat }) => capacity_sat + feeRoom);
    const sum = wanted.reduce((total, one) => total + one, pocket);
    const have = await member.coinsSat();
    if (have >= sum) continue;
    for (const sat of [...wanted, pocket]) coins.push([await member.address(), sat]);
    waited.push([member, sum]);
  }
  if (coins.length === 0) return;
  progress(`coins for ${waited.map(([{ node }]) => node.name).join(', ')}`);
  // An address may be the same for several coins, which one transaction cannot say.
  const rounds: Map<string, bigint>[] = [];
  for (const [address, sat] of coins) {
    const round = rounds.find((one) => !one.has(address));
    if (round === undefined) rounds.push(new Map([[address, sat]]));
    else round.set(address, sat);
  }
  for (const round of rounds) await faucet.give(round);
  await mineAnd(faucet, 1, members.values());
  for (const [member, sum] of waited)
    await waitForMember(member, `${member.node.name}'s wallet to show its coins`, async () =>
      (await member.coinsSat()) >= sum ? true : undefined,
    );
};

/** Opens one channel; one that was opened before its lab.json could say so is found again. Gives its funding. */
const openOne = async (lab: Pick<LabFile, 'channels'>, channel: LabChannel, members: Members): Promise<string> => {
  const { from, to, capacity_sat: capacity, push_sat: push } = channel;
  const [opener, peer] = [memberOf(members, from), memberOf(members, to)];
  await connect(opener, peer);
  const { id } = await peer.info();
  const known = new Set(lab.channels.map(({ funding }) => funding));
  const before = (await opener.channels()).find(
    (one) => one.peer === id && one.capacitySat === capacity && isLiving(one) && !known.has(one.funding),
  );
  return before?.funding ?? (await opener.open(id, capacity, push));
};

/** Opens what is missing; `save` is told of each, so that none is opened twice. Resolves once every node knows every channel. */
export const openChannels = async (
  lab: LabFile,
  { members, faucet, progress }: LabTools,
  save: (channels: LabFile['channels']) => Promise<void>,
): Promise<void> => {
  const channels = [...lab.channels];
  for (const [at, channel] of channels.entries()) {
    if (channel.funding !== undefined) continue;
    progress(`channel ${at + 1} of ${channels.length}: ${channel.from} opens one with ${channel.to}`);
    channels[at] = { ...channel, funding: await openOne({ channels }, channel, members) };
    await save(channels);
  }
  progress(`${announceDepth} blocks, so that the channels can be used and are announced`);
  await mineAnd(faucet, announceDepth, members.values());
  const scids: string[] = [];
  for (const [at, channel] of channels.entries()) {
    progress(`waiting until channel ${at + 1} of ${channels.length} can be used`);
    for (const name of [channel.from, channel.to]) {
      const member = memberOf(members, name);
      const usable = await untilUsable(member, channel);
      const { fee_base_msat: base, fee_ppm: ppm } = channel;
      if (base !== undefined || ppm !== undefined) await member.setFees(usable, base, ppm);
      if (name === channel.from && usable.scid !== undefined) scids.push(usable.scid);
    }
  }
  progress('waiting until every node knows every channel');
  await untilKnown(members, scids);
};

const untilUsable = (member: Member, { funding, from, to }: LabChannel): Promise<MemberChannel> =>
  waitForMember(member, `the channel ${from}-${to} to be usable for ${member.node.name}`, async () =>
    (await member.channels()).find((one) => one.funding === funding && one.usable),
  );

/** Resolves once every node knows these channels in both directions. */
const untilKnown = async (members: Members, scids: readonly string[]): Promise<void> => {
  await Promise.all(
    [...members.values()].map((member) =>
      waitForMember(
        member,
        `${member.node.name} to know ${scids.length} channels`,
        async () => {
          const edges = [...(await member.edges())];
          return scids.every((scid) => edges.filter((edge) => edge.startsWith(`${scid}/`)).length === 2)
            ? true
            : undefined;
        },
        120_000,
      ),
    ),
  );
};

/** Connects the ends of channels that were open before, and waits a while until these are in step. Gives those that are not, as FROM-TO. */
export const rejoin = async (lab: LabFile, members: Members): Promise<readonly string[]> => {
  const late: string[] = [];
  await Promise.all(
    lab.channels.map(async ({ from, to, funding }) => {
      const [opener, peer] = [memberOf(members, from), memberOf(members, to)];
      const mine = (await opener.channels()).find((one) => one.funding === funding);
      // What was closed since stays closed.
      if (mine === undefined || !isLiving(mine)) return;
      await connect(opener, peer);
      for (const end = Date.now() + backPatience; Date.now() < end; ) {
        const all = await Promise.all([opener, peer].map((member) => member.channels()));
        if (all.every((list) => list.some((one) => one.funding === funding && one.usable))) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      late.push(`${from}-${to}`);
    }),
  );
  return late;
};
