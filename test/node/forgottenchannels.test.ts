/** What a forgotten channel would have given, when its funding confirms after all: kept until the channel itself is. */
import { expect, test } from 'vitest';
import { staticRecord } from '../../channel/model/records.ts';
import { Follower } from '../../node/chain/follower.ts';
import { Watcher } from '../../node/chain/watcher.ts';
import { ForgottenChannels } from '../../node/channels/forgotten.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { encode } from '../../wire/codec.ts';
import { coreOf, ready } from '../channel/pair.ts';
import { chainTx, fakeChain, payment, stranger } from '../support/chain.ts';
import { heldClock, keptLog, until } from '../support/quiet.ts';

test('its record goes only once those of the channel are on their way, so that no crash in between loses both', async () => {
  const tx = payment([stranger(1)], [{ script: new Uint8Array(34), amount: 1000n }]);
  const { params } = coreOf(ready().b);
  const channel = { params, funding: { txid: chainTx(tx).txid, index: 0 } };
  const records = new Map([[`gift/${params.key}`, encode(staticRecord, channel)]]);
  const store = memoryStore(records);
  const chain = fakeChain();
  const fatal = (error: unknown): void => {
    throw error;
  };
  const taken: (() => void)[] = [];
  const watcher = await Watcher.open(chain, store);
  const follower = new Follower({
    ...{ chain, store, birth: 0, listeners: [watcher] },
    clock: heldClock(),
    log: keptLog(),
  });
  const parts = {
    ...{ watcher, follower, fatal },
    gate: new Gate(store, fatal),
    log: keptLog(),
    recover: () => new Promise<void>((resolve) => taken.push(resolve)),
  };
  const forgotten = await ForgottenChannels.load(parts, store);
  watcher.subscribe((notice) => void forgotten.notice(notice));
  await follower.start(fatal);
  await forgotten.begin();
  chain.mine(tx);
  await until(() => taken.length > 0);
  expect(records.has(`gift/${params.key}`)).toBe(true);
  for (const done of taken) done();
  await until(() => !records.has(`gift/${params.key}`));
  await follower.stop();
});
