/** `ampere subscribe`: prints notifications of a running node as they come, until it is interrupted or the node stops. */
import { type Client, ConnectionError } from '../api/rpc/client.ts';
import { toJson } from '../api/rpc/json.ts';
import type { Place } from '../base/table.ts';
import { render } from './render.ts';

/** What a notification has to tell, below its topic. */
const INDENT = '  ';

const isEmpty = (payload: unknown): boolean =>
  payload === undefined || (typeof payload === 'object' && payload !== null && Object.keys(payload).length === 0);

/** A notification for people: its topic, and below that its fields. */
const textOf = (topic: string, payload: unknown, place: Place): string => {
  if (isEmpty(payload)) return topic;
  const width = place.width === undefined ? undefined : place.width - INDENT.length;
  const lines = render('subscribe', payload, { ...place, width }).split('\n');
  return [topic, ...lines.map((line) => (line === '' ? '' : INDENT + line))].join('\n');
};

/**
 * Subscribes and prints each notification: for people at `place`, or as a line of JSON, `{TOPIC: {…}}`, where there is none. Ends
 * only by what it throws: ConnectionError once the node stops, CallError where it refuses.
 */
export const followNotifications = async (
  client: Client,
  params: object,
  { place, out, err }: { readonly place: Place | undefined } & Readonly<Record<'out' | 'err', (text: string) => void>>,
): Promise<never> => {
  client.onNotification((topic, payload) =>
    out(place === undefined ? toJson({ [topic]: payload }) : textOf(topic, payload, place)),
  );
  await client.raw('subscribe', params);
  if (place !== undefined) err('ampere: notifications from now on, until Ctrl-C or until the node stops');
  throw new ConnectionError(`${await client.over}: there are no more notifications`);
};
