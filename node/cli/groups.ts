/** Under which heading the help of the command line lists each method. */
import type { MethodName } from '../api/table.ts';

/** In the order in which somebody meets them. A method that is in none of them is listed last, under `otherMethods`. */
export const methodGroups: readonly (readonly [heading: string, methods: readonly MethodName[]])[] = [
  ['Node:', ['getinfo', 'listconfigs', 'setconfig', 'weblink', 'stop']],
  ['Wallet and chain:', ['newaddr', 'listfunds', 'listtransactions', 'withdraw', 'feerates', 'waitblockheight']],
  ['Peers:', ['connect', 'disconnect', 'listpeers', 'ping', 'trace', 'sendcustommsg']],
  [
    'Channels:',
    [
      'fundchannel',
      'fundchannel_cancel',
      'listpeerchannels',
      'setchannel',
      'close',
      'listclosedchannels',
      'listhtlcs',
      'listforwards',
    ],
  ],
  ['To be paid:', ['invoice', 'listinvoices', 'waitinvoice', 'waitanyinvoice', 'delinvoice', 'listsets']],
  ['To pay:', ['pay', 'xpay', 'keysend', 'listpays', 'delpay', 'decode', 'decodepay']],
  [
    'Routes, and single HTLCs:',
    [
      'getroute',
      'getroutes',
      'probe',
      'listknowledge',
      'forgetknowledge',
      'sendpay',
      'waitsendpay',
      'listsendpays',
      'createonion',
      'sendonion',
    ],
  ],
  ['The network:', ['listnodes', 'listchannels']],
  ['Backup, signatures:', ['backup', 'recover', 'signmessage', 'checkmessage']],
  [
    'For programs:',
    ['createrune', 'checkrune', 'showrunes', 'blacklistrune', 'destroyrune', 'subscribe', 'notifications'],
  ],
];

export const otherMethods = 'Other methods:';
