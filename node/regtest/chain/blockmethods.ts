import { version } from '../../base/version.ts';
import type { RpcContext } from './rpcparams.ts';
import { code, hash, type Method, placed, RpcFault, whole } from './rpcparams.ts';
import { btc, shownBlock, shownEnd, shownHeader } from './shown.ts';

/** Resolves with the tip once it is another than `seen`, or after so many milliseconds (0: never). */
const newBlock = ({ regtest, clock, signal }: RpcContext, timeout: number, seen: string): Promise<unknown> =>
  new Promise((resolve) => {
    const done = (): void => {
      cancel();
      deaf();
      signal.removeEventListener('abort', done);
      const { height, hash: tip } = regtest.ledger.tip;
      resolve({ hash: tip, height });
    };
    const cancel = timeout > 0 ? clock.after(timeout, done) : () => undefined;
    const deaf = regtest.onTip(done);
    signal.addEventListener('abort', done);
    if (signal.aborted || regtest.ledger.tip.hash !== seen) done();
  });

/** The release of bitcoind whose words these methods use, in its own form. */
const likeVersion = 290_000;

/** Rules that hold from the first block on. */
const deployed = ['bip34', 'bip65', 'bip66', 'csv', 'segwit', 'taproot'] as const;

export const blockMethods = {
  getblockchaininfo: (_, { regtest: { ledger } }) => ({
    chain: 'regtest',
    blocks: ledger.tip.height,
    headers: ledger.tip.height,
    bestblockhash: ledger.tip.hash,
    time: ledger.tip.time,
    mediantime: ledger.tip.medianTime,
    initialblockdownload: false,
    verificationprogress: 1,
    pruned: false,
    warnings: [],
  }),
  getdeploymentinfo: (_, { regtest: { ledger } }) => {
    const buried = { type: 'buried', active: true, height: 0, min_activation_height: 0 };
    const deployments = Object.fromEntries(deployed.map((name) => [name, buried]));
    return { hash: ledger.tip.hash, height: ledger.tip.height, deployments };
  },
  getnetworkinfo: () => ({
    version: likeVersion,
    // Programs read the release of bitcoind from it, and what they may ask. After it comes what this is, as forks of bitcoind have it.
    subversion: `/Satoshi:29.0.0/ampere-chain:${version}/`,
    protocolversion: 70_016,
    connections: 0,
    networkactive: false,
    relayfee: btc(1_000n),
    incrementalfee: btc(1_000n),
    warnings: [],
  }),
  getblockcount: (_, { regtest }) => regtest.ledger.tip.height,
  getbestblockhash: (_, { regtest }) => regtest.ledger.tip.hash,
  getchaintips: (_, { regtest: { ledger } }) => ledger.ends().map((end) => shownEnd(end, ledger)),
  getblockhash: (params, { regtest }) => {
    const found = regtest.ledger.at(whole(params, 0));
    if (found === undefined) throw new RpcFault(code.badParameter, 'Block height out of range');
    return found.hash;
  },
  getblockheader: (params, context) => {
    const found = placed(context, hash(params, 0));
    return params[1] === false ? found.raw.toHex(true) : shownHeader(found, context.regtest);
  },
  getblock: (params, context) => {
    const found = placed(context, hash(params, 0));
    const verbosity = params[1] === false ? 0 : whole([params[1] === true ? 1 : params[1]], 0, 1);
    return verbosity === 0 ? found.raw.toHex() : shownBlock(found, context.regtest, verbosity === 1 ? 1 : 2);
  },
  getzmqnotifications: (_, { published }) => published,
  waitfornewblock: (params, context) => {
    const seen = params[1] === undefined ? context.regtest.ledger.tip.hash : hash(params, 1);
    return newBlock(context, whole(params, 0, 0), seen);
  },
} satisfies Readonly<Record<string, Method>>;
