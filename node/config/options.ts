/**
 * The table of options. The flags of `ampere start`, the keys of the config file, the names in the environment and what
 * help says about them all follow from it. Every value is given as a text, whatever its source.
 */

import type { z } from 'zod';
import { LEAST_FINAL_CLTV, MOST_FINAL_CLTV } from '../../amp/limits.ts';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import { utf8 } from '../../wire/bytes.ts';
import { type ChainName, chainHashOf } from '../../wire/chains.ts';
import { addressFrom } from '../base/address.ts';
import { msatFrom, satFrom } from '../base/amounts.ts';
import { logLevels, logLevelsFrom, logParts } from '../base/loglevels.ts';
import { defaultReserve } from '../channels/anchorreserve.ts';
import { MIN_CLTV_EXPIRY_DELTA } from '../forward/mincltvdelta.ts';
import { announcedFrom } from '../peer/descriptors.ts';
import { devOptions } from './devoptions.ts';
import { oneOf, path, rows, value, whole, yesOrNo } from './optionkinds.ts';

const announced = value(announcedFrom);
const satoshi = value(satFrom);
const addressOrOff = value((text) => (text === 'off' ? undefined : addressFrom(text)));

/** Address of bitcoind and the login in the URL. `port` is undefined where the URL has none. */
export interface BitcoindUrl {
  readonly host: string;
  readonly port: number | undefined;
  /** Undefined where a cookie file has the login; `password` is undefined where a password file has it. */
  readonly login: { readonly user: string; readonly password: string | undefined } | undefined;
}

/** The error never repeats the text, since it may contain a password. */
const bitcoindUrl = value((text): BitcoindUrl => {
  const expected =
    'http://USER:PASSWORD@HOST:PORT, http://USER@HOST:PORT beside a password file, or http://HOST:PORT beside a cookie file';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new RangeError(expected);
  if (url.username === '' && url.password !== '') throw new RangeError(expected);
  const unescaped = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw new RangeError(`${expected}; a % in the password is written %25`);
    }
  };
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    // URL drops the port that is http's own.
    port: url.port === '' ? (/:80\/?$/.test(text) ? 80 : undefined) : Number(url.port),
    login:
      url.username === ''
        ? undefined
        : { user: unescaped(url.username), password: url.password === '' ? undefined : unescaped(url.password) },
  };
});

export const options = rows({
  network: {
    value: 'NAME',
    doc: 'regtest, signet, testnet or bitcoin; regtest unless told',
    schema: oneOf(...(Object.keys(chainHashOf) as ChainName[])),
  },
  dir: { value: 'DIR', doc: 'where everything is kept; ~/.ampere unless told', schema: path, notInFile: true },
  conf: { value: 'FILE', doc: 'the config file; DIR/config unless told', schema: path, notInFile: true },
  listen: { value: 'HOST:PORT', doc: 'where peers connect; port 0 picks a free one, "off" none', schema: addressOrOff },
  'announce-addr': {
    value: 'HOST:PORT',
    doc: 'where others find this node: IP addresses, v3 onion services, one hostname; may be repeated',
    schema: announced,
    repeats: true,
  },
  'limit-loopback': {
    value: 'true|false',
    doc: 'count peers that call from this machine as from one address, of which few are let in; true unless told, false on regtest and with an onion service in --announce-addr, since Tor calls from here',
    schema: yesOrNo,
  },
  api: {
    value: 'HOST:PORT',
    doc: 'HTTP and WebSocket calls, loopback only; port 0 and "off" as above',
    schema: addressOrOff,
  },
  metrics: {
    value: 'HOST:PORT',
    doc: 'GET /metrics for Prometheus without the token, which --api asks for; whoever can reach it reads balances, but nothing of peers; off unless told',
    schema: addressOrOff,
  },
  web: {
    value: 'HOST:PORT',
    doc: 'a web page that shows this node, loopback only, opened by the link that `weblink` gives; off unless told',
    schema: addressOrOff,
  },
  bitcoind: {
    value: 'URL',
    doc: 'http://USER:PASSWORD@HOST:PORT of bitcoind; without password, or without both, beside one of the files below',
    schema: bitcoindUrl,
    secret: true,
  },
  'bitcoind-password-file': {
    value: 'FILE',
    doc: 'a file with the password alone, for the user in the URL: nobody sees it in the list of processes',
    schema: path,
  },
  'bitcoind-cookie': { value: 'FILE', doc: "bitcoind's cookie file, instead of user and password", schema: path },
  alias: {
    value: 'TEXT',
    doc: 'name others see, at most 32 bytes',
    schema: value((text) => {
      if (utf8(text).length > 32) throw new RangeError('at most 32 bytes of UTF-8');
      return text;
    }),
  },
  color: {
    value: 'RRGGBB',
    doc: 'colour others see',
    schema: value((text) => {
      const [, digits] = /^#?([0-9a-fA-F]{6})$/.exec(text) ?? [];
      if (digits === undefined) throw new RangeError('six hex digits');
      return digits.toLowerCase();
    }),
  },
  'log-level': {
    value: 'LEVELS',
    doc: `how much is logged: ${logLevels.join(', ')}, and of single parts PART=LEVEL behind a comma, as in info,peer=trace; parts are ${logParts.join(', ')}; info unless told`,
    schema: value(logLevelsFrom),
  },
  'log-file': {
    value: 'FILE',
    doc: 'where the log goes; standard error unless told. SIGHUP opens it anew',
    schema: path,
  },
  trace: {
    value: 'FILE',
    doc: 'write every wire message to a file, both ways: fields and bytes, preimages and revocation secrets as the peer sees them, never a key of the transport',
    schema: path,
  },
  'trace-format': {
    value: 'FORMAT',
    doc: 'text or json, a line each; text unless told',
    schema: oneOf('text', 'json'),
  },
  'trace-max-size': {
    value: 'MIB',
    doc: 'size at which that file is renamed to FILE.1, in place of an earlier one; 100 unless told',
    schema: whole(1, 1_000_000),
  },
  'fee-base': {
    value: 'MSAT',
    doc: 'fee for forwarding a payment, whatever its size; 1000 unless told',
    schema: value((text) => {
      const fee = msatFrom(text);
      if (fee > 0xffff_ffffn) throw new RangeError('at most 4294967295 msat');
      return fee;
    }),
  },
  'fee-per-satoshi': {
    value: 'PPM',
    doc: 'millionths of the amount as fee for forwarding; 10 unless told',
    schema: whole(0, 0xffff_ffff),
  },
  'cltv-delta': {
    value: 'BLOCKS',
    doc: `blocks kept between two hops, at least ${MIN_CLTV_EXPIRY_DELTA}; 40 unless told`,
    schema: whole(MIN_CLTV_EXPIRY_DELTA, 2016),
  },
  'cltv-final': {
    value: 'BLOCKS',
    doc: `blocks our invoices ask for, at least ${LEAST_FINAL_CLTV}; 40 unless told`,
    schema: whole(LEAST_FINAL_CLTV, MOST_FINAL_CLTV),
  },
  'min-depth': {
    value: 'BLOCKS',
    doc: 'confirmations before a channel is used; 3 unless told, 1 on regtest',
    schema: whole(1, 100),
  },
  'anchor-reserve': {
    value: 'SAT',
    doc: `kept in the wallet for each channel with anchors, to pay for claims; ${defaultReserve.perChannel} unless told, 0 on regtest`,
    schema: satoshi,
  },
  'anchor-reserve-most': {
    value: 'SAT',
    doc: `kept for all of them together at most; ${defaultReserve.most} unless told`,
    schema: satoshi,
  },
  'allow-static-remotekey': {
    doc: 'let peers that know anchors open channels without, to which no fee can be added',
    schema: yesOrNo,
  },
  'peer-timeout': {
    value: 'SECONDS',
    doc: `how long a connected peer may owe its next message before it is disconnected; ${waitLimits.revoke_and_ack.seconds} unless told`,
    schema: whole(5, 3600),
  },
  'amp-timeout': {
    value: 'SECONDS',
    doc: 'age at which an incomplete set is failed; unless told, 60, and 120 for AMPs as lnd sends them',
    schema: whole(1, 86_400),
  },
  'amp-sets': {
    value: 'N',
    doc: 'incomplete sets held at once, for invoices and without one each; 1000 unless told',
    schema: whole(1, 100_000),
  },
  'amp-shares': { value: 'N', doc: 'shares one set may have; 255 unless told', schema: whole(1, 255) },
  'accept-spontaneous': {
    value: 'true|false',
    doc: 'take payments without an invoice; true unless told',
    schema: yesOrNo,
  },
  ...devOptions,
});

export type OptionName = keyof typeof options;
export type OptionValue<K extends OptionName> = z.output<(typeof options)[K]['schema']>;

export const isOption = (name: string): name is OptionName => Object.hasOwn(options, name);
/** log-level is AMPERE_LOG_LEVEL in the environment. */
export const variableOf = (name: OptionName): string => `AMPERE_${name.toUpperCase().replaceAll('-', '_')}`;
