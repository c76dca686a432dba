/**
 * `ampere/node`: a whole node in a program of one's own, or a call to one that runs elsewhere. `runNode` starts a node as `ampere start`
 * does, and takes EOB protocols, share schemes and strategies of the program's.
 */

// Calls of a node's API, here or in another process, by the types of its methods.
export { CallError, type Client, ConnectionError, openClient } from './api/rpc/client.ts';
export type { CallParams, MethodName, Result } from './api/table.ts';
export { version } from './base/version.ts';
// The command `ampere`, for a program that is one with experiments of its own.
export { exitCodes, runCommand, type Surroundings } from './cli/program.ts';
export { type Config, loadConfig, type RunNode } from './config/config.ts';
export { ConfigError } from './config/errors.ts';
// What a program adds to it.
export type { Experiments } from './core/hooks.ts';
export type {
  FinalNote,
  FinalNoteHandler,
  ForwardAnswer,
  ForwardNote,
  ForwardNoteHandler,
} from './forward/forwardnotes.ts';
// A chain for it where there is no bitcoind, or a whole network of nodes on one.
export { type LocalNetwork, type LocalNetworkOptions, startNetwork } from './localnetwork.ts';
export { type LocalChain, startChain } from './regtest/chain/local.ts';
// A node in this process.
export { type RunningNode, runNode } from './run.ts';
