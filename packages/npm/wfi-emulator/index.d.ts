/** Returns the path of the program: that of `WFI_EMULATOR`, or that of the package for this platform. */
export function findProgram(): string;

/** A refusal by the control API. */
export class ControlError extends Error {
  readonly status: number;
}

/** A fault rule. */
export interface FaultRule {
  name?: string;
  on?: Record<string, unknown>;
  do: unknown;
  [member: string]: unknown;
}

/** An expectation of requests in the journal. */
export interface Expectation {
  to?: "graph" | "connector";
  method?: string | string[];
  path?: string;
  id?: string;
  status?: number | string;
  since?: string;
  until?: string;
  body?: unknown;
  answer?: unknown;
  times?: number | { atLeast?: number; atMost?: number };
  [member: string]: unknown;
}

/** A request in the journal, with its answer. */
export interface Entry {
  number: number;
  time: string;
  method: string;
  target: string;
  status: number | null;
  request: { headers: [string, string][]; body: unknown };
  response: { headers: [string, string][]; body: unknown } | null;
  [member: string]: unknown;
}

/** How bad a finding is: it will fail in production, it will fail some day or costs, or it could be better. */
export type Severity = "error" | "warning" | "note";

/** What a client does wrong with one subject, such as an operation, and the first requests that show it. */
export interface Finding {
  rule: string;
  severity: Severity;
  title: string;
  subject: string;
  detail: string;
  better: string;
  source: string;
  grade: string;
  count: number;
  requests: { number: number; time: string; method: string; target: string }[];
}

/** What clients do wrong in a world, the worst first, and the permissions that they need. */
export interface Report {
  world: string;
  requests: number;
  dropped: number;
  rules: string[];
  findings: Finding[];
  permissions: Record<string, unknown>;
}

/** The rules of a report: all without the allowed ones, or only some. */
export interface RuleSelection {
  allow?: string | string[];
  only?: string | string[];
}

export interface Clock {
  now: string;
  running: boolean;
}

/** A world: its own entities, faults, journal, and clock. */
export class World {
  readonly name: string;
  /** The base URL, without a version. */
  readonly url: string;
  /** The base URL of v1.0. */
  readonly graphUrl: string;
  /** Replaces the fault rules, if some are given, and returns those in force. The name of a ready-made one is a rule too. */
  faults(rules?: string | (FaultRule | string)[]): Promise<{ faults: Record<string, unknown>[] }>;
  /** Fails unless the journal has the requests that are expected. */
  expect(expectation: Expectation): Promise<void>;
  /** Returns the requests of the world, or those that match. */
  journal(query?: Record<string, string>): Promise<Entry[]>;
  /** Returns the journal as the text of exchanges, for snapshots. */
  exchanges(): Promise<string>;
  /** Returns what clients do wrong in the world, of a severity or worse: as a value, or as a text in another format. */
  report(options?: RuleSelection & { format?: "json"; severity?: Severity }): Promise<Report>;
  report(options: RuleSelection & { format: "text" | "junit" | "sarif" | "html"; severity?: Severity }): Promise<string>;
  /** Fails with the findings of a severity, `warning` unless it is given, or a worse one, and if the world has got no requests. */
  assertCleanClient(options?: RuleSelection & { failOn?: Severity }): Promise<void>;
  /** Replaces the collections of the state, if some are given, and returns the state. */
  state(replacement?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Sets behaviors, if some are given, and returns all. */
  behaviors(changes?: Record<string, string>): Promise<Record<string, unknown>>;
  /** Changes the clock, if a change is given, and returns it. */
  clock(change?: { now?: string; advance?: number; running?: boolean }): Promise<Clock>;
  /** Restores the initial state, and clears faults and journal. */
  reset(): Promise<void>;
  /** Drops the world. */
  drop(): Promise<void>;
}

/** A running emulator. It ends when it is stopped, or with this process. */
export class Emulator {
  readonly url: string;
  readonly port: number;
  readonly seed: number;
  /** The file with the local authority, for clients to trust, if the emulator serves TLS with one. */
  readonly ca?: string;
  /** The world of requests that name none. */
  readonly defaultWorld: World;
  /**
   * Creates a world. Its name begins with the label and is in no other use: the name of a test, or the context of a test
   * in node:test and Vitest.
   */
  world(
    label?: string | { name?: string; fullName?: string; task?: { name: string } },
    options?: { fixture?: string; fork?: string; seed?: number },
  ): Promise<World>;
  /** Stops the emulator. */
  stop(): Promise<void>;
}

/** Starts an emulator on a free port, with further options of the program. */
export function start(...flags: string[]): Promise<Emulator>;
