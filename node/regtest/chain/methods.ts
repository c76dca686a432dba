/**
 * The part of bitcoind's JSON-RPC that nodes and tests use, over a chain in this process. Names, parameters, results and error codes are
 * bitcoind's; any other method is answered with -32601, as bitcoind answers unknown methods.
 */
import { blockMethods } from './blockmethods.ts';
import { labMethods } from './labmethods.ts';
import { code, type Method, type Params, type RpcContext, RpcFault } from './rpcparams.ts';
import { transactionMethods } from './txmethods.ts';

const served = { ...blockMethods, ...transactionMethods, ...labMethods };

/** The parameters of each method, in bitcoind's notation: optional ones in parentheses. */
const usage: Readonly<Record<keyof typeof served, string>> = {
  getblockchaininfo: '',
  getdeploymentinfo: '',
  getnetworkinfo: '',
  getblockcount: '',
  getbestblockhash: '',
  getchaintips: '',
  getblockhash: 'height',
  getblockheader: '"blockhash" ( verbose )',
  getblock: '"blockhash" ( verbosity )',
  getzmqnotifications: '',
  waitfornewblock: '( timeout "current_tip" )',
  gettxout: '"txid" n ( include_mempool )',
  gettxspendingprevout: '[{"txid":"hex","vout":n},...]',
  getrawtransaction: '"txid" ( verbosity "blockhash" )',
  getrawmempool: '( verbose )',
  getmempoolentry: '"txid"',
  getmempoolinfo: '',
  estimatesmartfee: 'conf_target',
  sendrawtransaction: '"hexstring" ( maxfeerate )',
  testmempoolaccept: '["rawtx"] ( maxfeerate )',
  submitpackage: '["parent","child"] ( maxfeerate )',
  generatetoaddress: 'nblocks "address"',
  generateblock: '"address" ["rawtx/txid",...]',
  submitblock: '"hexdata"',
  invalidateblock: '"blockhash"',
  reconsiderblock: '"blockhash"',
  createwallet: '"wallet_name"',
  getnewaddress: '',
  getbalance: '',
  sendtoaddress: '"address" amount',
  sendmany: '"" {"address":amount,...}',
  stop: '',
};

/** The methods in bitcoind's notation, one a line, or one of them. Throws RpcFault for a name that is no method here. */
const help: Method = ([name]) => {
  const lines = [...Object.entries(usage), ['help', '( "command" )']].map(([one, given]) => `${one} ${given}`.trim());
  if (name === undefined || name === null) return lines.sort().join('\n');
  const line = lines.find((one) => one.split(' ')[0] === name);
  if (line === undefined) throw new RpcFault(code.noMethod, `help: unknown command: ${String(name)}`);
  return line;
};

const methods: Readonly<Record<string, Method>> = { ...served, help };

/** Characters of an unknown method's name that its error repeats. */
const longestName = 64;

/** Calls a method. Throws RpcFault. */
export const callMethod = async (name: string, params: Params, context: RpcContext): Promise<unknown> => {
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method === undefined)
    throw new RpcFault(
      code.noMethod,
      `Method not found: ampere chain does not have ${name.slice(0, longestName)}; help lists what it has`,
    );
  return method(params, context);
};

/** An error of any kind as bitcoind would answer it. */
export const faultOf = (error: unknown): RpcFault =>
  error instanceof RpcFault ? error : new RpcFault(code.misc, error instanceof Error ? error.message : String(error));
