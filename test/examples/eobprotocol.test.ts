/** `ampere/amp` and `ampere/node`: an EOB protocol with both ends, sent over real nodes and read at every hop. */
import { besideAmp, type OwnProtocol, tree } from 'ampere/amp';
import { type LocalNetwork, startNetwork } from 'ampere/node';
import type { Extra, Frame } from 'ampere/onion';
import { concat, sat, text, utf8 } from 'ampere/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** The blobs behind a hop's frame, as text. A blob has 65 bytes; what the sender did not fill is zero. */
const read = (_frame: Frame, { blobs }: Pick<Extra, 'blobs'>) => ({
  accept: text(concat(...blobs)).replace(/\0+$/, ''),
});

const greeting: OwnProtocol = {
  name: 'greeting',
  // Reading. A hop on the way gets what `forward` accepts as a note; with { refuse: { name: 'temporary_node_failure' } } instead
  // it would fail the HTLC. At the destination of an AMP these blobs stand behind the AMP's own.
  forward: read,
  final: besideAmp(tree, read),
  // Sending. For each hop of a route, what a payment of this node brings it; nodes that read TLV payloads alone have no frame.
  compose: (_payment, _shard, route) =>
    route.map(({ tlvOnly }, i) => (tlvOnly ? undefined : utf8(`hello, hop ${i + 1}`))),
  mostBlobs: 5,
};

const heard: string[] = [];
// 14 and 15 are the numbers set aside for experiments.
const protocols = new Map([[14, greeting]]);

let network: LocalNetwork<'alice' | 'bob' | 'carol'>;
beforeAll(async () => {
  network = await startNetwork({
    nodes: {
      alice: { protocols },
      bob: {
        protocols,
        onForwardNote: ({ value, outgoing }) => void heard.push(`bob forwards ${outgoing.amount}: ${value}`),
      },
      carol: { protocols, onFinalNote: ({ value }) => void heard.push(`carol is paid: ${value}`) },
    },
    channels: [
      ['alice', 'bob', sat(1_000_000n)],
      ['bob', 'carol', sat(1_000_000n)],
    ],
  });
});
afterAll(() => network?.stop());

test('each hop of a payment reads what the payer wrote for it, and nothing of the others', async () => {
  const { alice, carol } = network.nodes;
  const { id } = await carol.call('getinfo');
  await alice.call('keysend', { destination: id, amount_msat: 25_000_000n, scheme: 'tree' });
  expect(heard).toEqual(['bob forwards 25000000: hello, hop 1', 'carol is paid: hello, hop 2']);
});
