/** Parameters of methods about routes and onions of a caller's own. */
import type { CallParams } from '../../../node/api/table.ts';
import type { Line } from '../../support/line.ts';
import { type Rows, said } from './rows.ts';

type Route = CallParams<'getroute'>;
const LOCAL = 'auto.localchans';
const FREE = 'auto.sourcefree';
type Onion = CallParams<'createonion'>;

const routed = (line: Line, given: Partial<Route> = {}) =>
  said(
    (async () =>
      line.alice.call('getroute', { id: line.carol.id, amount_msat: 1_000_000n, riskfactor: 10, ...given }))(),
  );
const routes = async (line: Line, given: Partial<Route>) => [await routed(line), await routed(line, given)] as const;

const together = async (line: Line, given: object) => {
  const { alice, carol } = line;
  const usual = { source: alice.id, destination: carol.id, amount_msat: 5_000_000n, layers: [LOCAL, FREE] };
  const asked = (more: object) =>
    said(
      (async () => alice.call('getroutes', { ...usual, maxfee_msat: 100_000n, final_cltv: 18, ...more } as never))(),
    );
  return [await asked({}), await asked(given)] as const;
};

const made = (line: Line, given: Partial<Onion> = {}) => {
  const hops = [{ pubkey: line.bob.id, payload: '02ffff' }];
  return said(line.alice.call('createonion', { hops, assocdata: '00', session_key: '41'.repeat(32), ...given }));
};
const onions = async (line: Line, given: Partial<Onion>) => [await made(line), await made(line, given)] as const;

export const routeRows: Rows = {
  'getroute.id': (line) => routes(line, { id: line.bob.id }),
  'getroute.amount_msat': (line) => routes(line, { amount_msat: 2_000_000n }),
  // Between two routes alone; here a number that is none is refused.
  'getroute.riskfactor': (line) => routes(line, { riskfactor: -1 }),
  'getroute.cltv': (line) => routes(line, { cltv: 18 }),
  'getroute.fromid': (line) => routes(line, { fromid: line.bob.id }),
  // Taken and without effect, as in Core Lightning: what is no number is refused.
  'getroute.fuzzpercent': (line) => routes(line, { fuzzpercent: 'some' }),
  'getroute.exclude': (line) => routes(line, { exclude: [line.bob.id] }),
  'getroute.maxhops': (line) => routes(line, { maxhops: 1 }),
  'getroutes.source': (line) => together(line, { source: line.bob.id }),
  'getroutes.destination': (line) => together(line, { destination: line.bob.id }),
  'getroutes.amount_msat': (line) => together(line, { amount_msat: 2_000_000n }),
  'getroutes.layers': (line) => together(line, { layers: [LOCAL] }),
  'getroutes.maxfee_msat': (line) => together(line, { maxfee_msat: 0n }),
  'getroutes.final_cltv': (line) => together(line, { final_cltv: 40 }),
  'getroutes.maxdelay': (line) => together(line, { maxdelay: 19 }),
  // Between several routes alone; here numbers and words that are none are refused.
  'getroutes.maxparts': (line) => together(line, { maxparts: 0 }),
  'getroutes.prefer': (line) => together(line, { prefer: 'fast' }),
  'createonion.hops': (line) => onions(line, { hops: [{ pubkey: line.carol.id, payload: '02ffff' }] }),
  'createonion.assocdata': (line) => onions(line, { assocdata: '01' }),
  'createonion.session_key': (line) => onions(line, { session_key: '42'.repeat(32) }),
  'createonion.onion_size': (line) => onions(line, { onion_size: 400 }),
};
