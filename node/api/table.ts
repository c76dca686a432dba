/**
 * THE table of methods. JSON-RPC on the socket, HTTP and WebSocket, the command line, its help and the client all follow
 * from it. A new method is one file under methods/ and one line here.
 */
import type { z } from 'zod';
import type { CallContext, Method, Rows } from './method.ts';
import { backup } from './methods/backup/backup.ts';
import { recover } from './methods/backup/recover.ts';
import { close } from './methods/channels/close.ts';
import { fundchannel } from './methods/channels/fundchannel.ts';
import { fundchannel_cancel } from './methods/channels/fundchannel_cancel.ts';
import { listclosedchannels } from './methods/channels/listclosedchannels.ts';
import { listhtlcs } from './methods/channels/listhtlcs.ts';
import { listpeerchannels } from './methods/channels/listpeerchannels.ts';
import { setchannel } from './methods/channels/setchannel.ts';
import { devMethods } from './methods/dev.ts';
import { listforwards } from './methods/forwards/listforwards.ts';
import { listchannels } from './methods/graph/listchannels.ts';
import { listnodes } from './methods/graph/listnodes.ts';
import { decode } from './methods/invoices/decode.ts';
import { decodepay } from './methods/invoices/decodepay.ts';
import { delinvoice } from './methods/invoices/delinvoice.ts';
import { invoice } from './methods/invoices/invoice.ts';
import { listinvoices } from './methods/invoices/listinvoices.ts';
import { listsets } from './methods/invoices/listsets.ts';
import { waitanyinvoice } from './methods/invoices/waitanyinvoice.ts';
import { waitinvoice } from './methods/invoices/waitinvoice.ts';
import { checkmessage } from './methods/messages/checkmessage.ts';
import { signmessage } from './methods/messages/signmessage.ts';
import { getinfo } from './methods/node/getinfo.ts';
import { help } from './methods/node/help.ts';
import { listconfigs } from './methods/node/listconfigs.ts';
import { notifications } from './methods/node/notifications.ts';
import { setconfig } from './methods/node/setconfig.ts';
import { stop } from './methods/node/stop.ts';
import { subscribe } from './methods/node/subscribe.ts';
import { waitblockheight } from './methods/node/waitblockheight.ts';
import { weblink } from './methods/node/weblink.ts';
import { createonion } from './methods/payments/createonion.ts';
import { delpay } from './methods/payments/delpay.ts';
import { forgetknowledge } from './methods/payments/forgetknowledge.ts';
import { getroute } from './methods/payments/getroute.ts';
import { getroutes } from './methods/payments/getroutes.ts';
import { keysend } from './methods/payments/keysend.ts';
import { listknowledge } from './methods/payments/listknowledge.ts';
import { listpays } from './methods/payments/listpays.ts';
import { listsendpays } from './methods/payments/listsendpays.ts';
import { pay } from './methods/payments/pay.ts';
import { probe } from './methods/payments/probe.ts';
import { sendonion } from './methods/payments/sendonion.ts';
import { sendpay } from './methods/payments/sendpay.ts';
import { waitsendpay } from './methods/payments/waitsendpay.ts';
import { xpay } from './methods/payments/xpay.ts';
import { connect } from './methods/peers/connect.ts';
import { disconnect } from './methods/peers/disconnect.ts';
import { listpeers } from './methods/peers/listpeers.ts';
import { ping } from './methods/peers/ping.ts';
import { sendcustommsg } from './methods/peers/sendcustommsg.ts';
import { trace } from './methods/peers/trace.ts';
import { blacklistrune, destroyrune } from './methods/runes/blacklistrune.ts';
import { checkrune } from './methods/runes/checkrune.ts';
import { createrune } from './methods/runes/createrune.ts';
import { showrunes } from './methods/runes/showrunes.ts';
import { feerates } from './methods/wallet/feerates.ts';
import { listfunds } from './methods/wallet/listfunds.ts';
import { listtransactions } from './methods/wallet/listtransactions.ts';
import { newaddr } from './methods/wallet/newaddr.ts';
import { withdraw } from './methods/wallet/withdraw.ts';

/** The methods that a node answers. */
export const nodeMethods = {
  getinfo,
  newaddr,
  listfunds,
  listtransactions,
  withdraw,
  notifications,
  subscribe,
  setconfig,
  listconfigs,
  weblink,
  waitblockheight,
  feerates,
  signmessage,
  checkmessage,
  stop,
  connect,
  disconnect,
  listpeers,
  ping,
  sendcustommsg,
  trace,
  fundchannel,
  fundchannel_cancel,
  listpeerchannels,
  listclosedchannels,
  listhtlcs,
  setchannel,
  close,
  backup,
  recover,
  invoice,
  listinvoices,
  delinvoice,
  waitinvoice,
  waitanyinvoice,
  decode,
  decodepay,
  listsets,
  pay,
  xpay,
  keysend,
  listpays,
  delpay,
  listknowledge,
  forgetknowledge,
  getroute,
  getroutes,
  createonion,
  sendpay,
  sendonion,
  waitsendpay,
  listsendpays,
  probe,
  listforwards,
  listchannels,
  listnodes,
  createrune,
  checkrune,
  showrunes,
  blacklistrune,
  destroyrune,
} as const;

/** All methods: `help` is answered from this table, and those for experiments by a node that was started with --dev. */
export const table = { ...nodeMethods, help, ...devMethods } as const satisfies Readonly<Record<string, Method>>;

type Table = typeof table;
export type MethodName = keyof Table;

/** The parameters that a caller passes: JSON, where an amount may also be a bigint. */
export type CallParams<M extends MethodName> = z.input<Table[M]['params']>;
/** The parameters that a handler gets: checked, branded, defaults filled in. */
export type Params<M extends MethodName> = z.output<Table[M]['params']>;
/** A result as a client reads it: ids and hashes in hex, amounts of type Msat. */
export type Result<M extends MethodName> = z.output<Table[M]['result']>;
/** What a handler answers: a result whose lists may be read row by row while they are written, however long they are. */
export type Answered<M extends MethodName> = Rows<Result<M>>;

type Handler<M extends MethodName> = (params: Params<M>, call: CallContext) => Promise<Answered<M>>;
/** Methods for experiments alone. */
export type DevMethodName = keyof typeof devMethods;
/** Functions for these methods. */
export type HandlersOf<M extends MethodName> = { readonly [K in M]: Handler<K> };
/** What a node started with --dev has beside the rest. */
export type DevHandlers = HandlersOf<DevMethodName>;
/** A node, as the interface sees it. Handlers throw ApiError for what callers should know. */
export type Handlers = HandlersOf<keyof typeof nodeMethods> & Partial<DevHandlers>;

export const isMethod = (name: string): name is MethodName => Object.hasOwn(table, name);
export const isDevMethod = (name: string): name is DevMethodName => Object.hasOwn(devMethods, name);
