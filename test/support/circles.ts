/** Circles in a graph, for tests that allow none. */

/** The groups of nodes that can reach each other, each sorted; a node that points at itself is one, too. */
export const circles = (graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] => {
  const reach = (from: string): ReadonlySet<string> => {
    const seen = new Set<string>();
    const waiting = [...(graph.get(from) ?? [])];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push(...(graph.get(next) ?? []));
    }
    return seen;
  };
  const reached = new Map([...graph.keys()].map((node) => [node, reach(node)]));
  const inCircle = [...graph.keys()].filter((node) => reached.get(node)?.has(node));
  const groups = inCircle.map((node) =>
    inCircle.filter((other) => other === node || (reached.get(node)?.has(other) && reached.get(other)?.has(node))),
  );
  return [...new Map(groups.map((group) => [group.sort().join(' '), group.sort()])).values()];
};
