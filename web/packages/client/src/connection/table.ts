// The connection as data: which state answers which event with which next state and actions.
// No clock, socket or token is touched here; `connection.ts` carries the actions out. An event that a
// state does not list is ignored on purpose (a late timer, a second close).

import type { CloseReaction } from "./closes";

export type ConnectionState =
  /** Not asked to be connected. */
  | "idle"
  /** Waiting for an access token. */
  | "authorizing"
  /** The socket is being opened. */
  | "opening"
  /** Open, `auth` sent, waiting for `connected`. */
  | "greeting"
  /** Connected; what was missed is on its way. */
  | "catching_up"
  /** Up to date: every event is applied as it comes. */
  | "live"
  /** Will try again when the retry timer fires. */
  | "waiting"
  /** The server named the wait: neither the network nor a look at the page cuts it short. */
  | "paused"
  /** The session has ended; only `connect` leaves this state. */
  | "stopped";

export type ConnectionEvent =
  | "connect"
  | "disconnect"
  | "token.ready"
  | "token.refused"
  | "token.failed"
  | "socket.opened"
  | "greeted"
  | "caught.up"
  | "catch.up.failed"
  /** Opening or greeting took too long. */
  | "deadline"
  /** The server said nothing for two heartbeats. */
  | "silence"
  | "retry.due"
  | "network.found"
  | "network.lost"
  /** A `reconnect` frame: the server is about to drain. */
  | "drain"
  | `closed.${CloseReaction}`;

export type ConnectionAction =
  | "fetchToken"
  | "dropToken"
  | "startOver"
  | "openSocket"
  | "closeSocket"
  | "authenticate"
  | "startDeadline"
  | "startHeartbeat"
  | "catchUp"
  | "goLive"
  | "scheduleRetry"
  | "scheduleAfterDrain"
  | "scheduleAfterLimit"
  | "probe";

export type Step = { to: ConnectionState; do: readonly ConnectionAction[] };

type Row = Partial<Record<ConnectionEvent, Step>>;

const step = (to: ConnectionState, ...actions: ConnectionAction[]): Step => ({ to, do: actions });

const retry = step("waiting", "closeSocket", "scheduleRetry");
const again = step("authorizing", "fetchToken", "startDeadline");
const idle = step("idle", "closeSocket");

/** How every state with an open socket answers the ways a socket ends. */
const socketEnds: Row = {
  disconnect: idle,
  silence: retry,
  drain: step("paused", "closeSocket", "scheduleAfterDrain"),
  "closed.resume": retry,
  // Backed off like any other retry: a server which refuses fresh tokens must not be hammered.
  "closed.refresh": step("waiting", "closeSocket", "dropToken", "scheduleRetry"),
  "closed.stop": step("stopped", "closeSocket"),
  "closed.startOver": step("waiting", "closeSocket", "startOver", "scheduleRetry"),
  "closed.wait": step("paused", "closeSocket", "scheduleAfterLimit"),
};

export const connectionTable: Record<ConnectionState, Row> = {
  idle: { connect: again },
  authorizing: {
    disconnect: idle,
    "token.ready": step("opening", "openSocket", "startDeadline"),
    "token.refused": step("stopped"),
    "token.failed": retry,
    "network.lost": retry,
    deadline: retry,
  },
  opening: {
    ...socketEnds,
    "socket.opened": step("greeting", "authenticate", "startDeadline"),
    // What has only begun would hang until its deadline.
    "network.lost": retry,
    deadline: retry,
  },
  greeting: {
    ...socketEnds,
    greeted: step("catching_up", "startHeartbeat", "catchUp"),
    "network.lost": retry,
    deadline: retry,
  },
  catching_up: {
    ...socketEnds,
    "caught.up": step("live", "goLive"),
    "catch.up.failed": retry,
    "network.found": step("catching_up", "probe"),
    "network.lost": step("catching_up", "probe"),
    "token.refused": step("stopped", "closeSocket"),
  },
  live: {
    ...socketEnds,
    // The device's word about its network is a hint; the socket itself decides.
    "network.found": step("live", "probe"),
    "network.lost": step("live", "probe"),
    "token.refused": step("stopped", "closeSocket"),
  },
  waiting: {
    disconnect: idle,
    connect: again,
    "retry.due": again,
    "network.found": again,
  },
  paused: { disconnect: idle, connect: again, "retry.due": again },
  stopped: { connect: again, disconnect: idle },
};

/** The step for `event` in `state`, or null when the state ignores it. */
export function nextStep(state: ConnectionState, event: ConnectionEvent): Step | null {
  return connectionTable[state][event] ?? null;
}
