/** `weblink`: a link that opens the web page of a node that was started with --web. */

import { z } from 'zod';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as field from '../../results.ts';

const params = z.strictObject({});

const result = z.object({
  /** Opens the page once, within an hour. Whoever has it sees what the node holds and does. */
  link: field.text,
});

/** What it needs of a node's process. */
export interface WebLinkParts {
  /** A new link; undefined where no page is served. */
  readonly webLink: () => string | undefined;
}

export const weblink = method({
  doc: 'A link that opens the web page of this node once, within an hour: for a node started with --web.',
  example: [],
  params,
  result,
  handler: async ({ webLink }: WebLinkParts) => {
    const link = webLink();
    if (link === undefined)
      throw new ApiError('general', 'this node serves no web page: start it with --web 127.0.0.1:PORT');
    return { link };
  },
});
