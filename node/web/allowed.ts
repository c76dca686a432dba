/**
 * What the page may ask of a node. Everybody's page reads; that of a lab, whose coins are worth nothing, also pays and closes. A
 * page that was broken into by whatever means can do no more than stands here.
 */
import { z } from 'zod';

const nodeId = z.string().regex(/^0[23][0-9a-f]{64}$/, 'expected a node id');
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits');
const msat = z.int().min(1).max(2_100_000_000_000_000_000);
const none = z.strictObject({});

/** Calls that change nothing, with their parameters. */
const reads = {
  getinfo: none,
  listpeerchannels: none,
  listclosedchannels: none,
  listfunds: none,
  listnodes: none,
  listpays: z.strictObject({ payment_hash: hash.optional() }),
} as const;

/** Calls that a lab's page may make beside them. */
const labOnly = {
  keysend: z.strictObject({
    destination: nodeId,
    amount_msat: msat,
    shards: z.int().min(1).max(64).optional(),
    scheme: z.string().max(32).optional(),
  }),
  close: z.strictObject({ id: hash, force: z.boolean().optional() }),
} as const;

type Allowed = Readonly<Record<string, z.ZodType>>;
export type Method = keyof typeof reads | keyof typeof labOnly;

/** The parameters of a call that the page may make, checked. Throws RangeError, for whoever reads the page's log. */
export const checkedCall = (
  method: string,
  params: unknown,
  isLab: boolean,
): { readonly method: Method; readonly params: unknown } => {
  const all: Allowed = isLab ? { ...reads, ...labOnly } : reads;
  const shape = Object.hasOwn(all, method) ? all[method] : undefined;
  if (shape === undefined) throw new RangeError(`the page may not call ${method.slice(0, 40)} here`);
  const read = shape.safeParse(params ?? {});
  if (read.success) return { method: method as Method, params: read.data };
  const [issue] = read.error.issues;
  throw new RangeError(`${method}: ${issue?.path.join('.') ?? 'params'}: ${issue?.message ?? 'not understood'}`);
};
