/** How often a property is tried: a few times in every run of the tests, more where FC_RUNS says so, as `npm run nightly` does. */
export const propertyRuns = (usual: number): number => Number(process.env['FC_RUNS'] ?? usual);
