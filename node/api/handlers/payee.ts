/** Whether a node can be paid without an invoice: by AMP over 65-byte frames, which it must say that it reads. */
import { hasFeature } from '../../../wire/features.ts';
import type { Point } from '../../../wire/units.ts';
import type { Node } from '../../core/node.ts';
import { nodeKey } from '../../graph/graph.ts';
import { ApiError } from '../errors.ts';

/** What of a node is asked. */
interface Known {
  readonly peers: Pick<Node['peers'], 'get'>;
  readonly graph: Pick<Node['graph'], 'node'>;
}

/**
 * Throws ApiError where a payment without an invoice could not be read at its destination: that one says so in its `init` if it
 * is our peer, otherwise in its announcement. `force` pays one of which nothing is known, or that says nothing of AMP.
 */
export const checkTakesAmp = ({ peers, graph }: Known, destination: Point, force: boolean): void => {
  const announced = graph.node(nodeKey(destination));
  if (announced?.demand !== undefined)
    throw new ApiError(
      'pay_user_error',
      `destination: the node demands feature bit ${announced.demand}, which is unknown here; only an invoice can say how to pay it`,
    );
  if (force) return;
  const features = peers.get(destination)?.theirFeatures ?? announced?.features;
  if (features === undefined)
    throw new ApiError(
      'pay_user_error',
      'destination: nothing is known of this node, so it may not be able to read a payment without an invoice; pay an invoice of it, or send with force=true',
    );
  if (!hasFeature(features, 'option_eob_amp'))
    throw new ApiError(
      'pay_user_error',
      'destination: the node does not say that it takes payments by AMP (option_eob_amp, feature bit 171), the only ones sent from here without an invoice; pay an invoice of it, or send with force=true',
    );
};
