/** Parameters of `decode` beside what is decoded. */
import { createFailure } from '../../../onion/failureonion.ts';
import { hex } from '../../../wire/bytes.ts';
import type { Line } from '../../support/line.ts';
import { type Rows, said } from './rows.ts';

const SESSION_KEY = '07'.repeat(32);
const HASH = '09'.repeat(32);
/** A TLV payload of a final hop: amt_to_forward 1, outgoing_cltv_value 2. */
const PAYLOAD = '06020101040102';

const onionFor = async ({ alice, bob }: Line): Promise<string> =>
  (
    await alice.call('createonion', {
      hops: [{ pubkey: bob.id, payload: PAYLOAD }],
      assocdata: HASH,
      session_key: SESSION_KEY,
    })
  ).onion;

/** The answers without one of the parameters that open an onion, and with all of them. */
const opened = async (line: Line, left: 'session_key' | 'hops' | 'payment_hash') => {
  const string = await onionFor(line);
  const all = { string, session_key: SESSION_KEY, hops: [line.bob.id], payment_hash: HASH };
  const { [left]: _, ...others } = all;
  return [
    await said(line.alice.call('decode', { type: 'onion', ...others, string })),
    await said(line.alice.call('decode', all)),
  ] as const;
};

/** A reason that the one hop of a route sent. */
const reason = hex(createFailure(new Uint8Array(32).fill(5), { name: 'temporary_node_failure' }));
/** An empty transaction but for an input and an output. */
const TX = `0200000001${'11'.repeat(32)}0000000000ffffffff01e803000000000000160014${'22'.repeat(20)}00000000`;

export const decodeRows: Rows = {
  'decode.type': async ({ alice }) => [
    await alice.call('decode', { string: '001200000000' }),
    await alice.call('decode', { string: '001200000000', type: 'features' }),
  ],
  'decode.channel': async ({ alice }) => {
    const [channel] = (await alice.call('listpeerchannels', {})).channels;
    return [
      await alice.call('decode', { string: TX }),
      await alice.call('decode', { string: TX, channel: channel?.short_channel_id ?? '' }),
    ];
  },
  'decode.nodekey': async (line) => {
    const string = await onionFor(line);
    return [
      await line.bob.call('decode', { string, payment_hash: HASH }),
      await line.bob.call('decode', { string, payment_hash: HASH, nodekey: 'this' }),
    ];
  },
  'decode.payment_hash': (line) => opened(line, 'payment_hash'),
  'decode.session_key': (line) => opened(line, 'session_key'),
  'decode.hops': (line) => opened(line, 'hops'),
  'decode.shared_secrets': async ({ alice }) => [
    await alice.call('decode', { string: reason }),
    await alice.call('decode', { string: reason, shared_secrets: ['05'.repeat(32)] }),
  ],
  'decode.file': async ({ alice }) => [
    await said(alice.call('decode', { file: '/nowhere' })),
    await said(alice.call('decode', { file: alice.node.config.backupFile })),
  ],
};
