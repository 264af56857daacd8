// The connection table as data: the way up, every way down, and that nothing leads nowhere.

import { describe, expect, test } from "vitest";
import { backoffMs } from "../src/connection/backoff";
import { blamesFrame, reactionTo } from "../src/connection/closes";
import {
  type ConnectionEvent,
  type ConnectionState,
  connectionTable,
  nextStep,
} from "../src/connection/table";

const states = Object.keys(connectionTable) as ConnectionState[];

function walk(from: ConnectionState, events: readonly ConnectionEvent[]): ConnectionState {
  return events.reduce((state, event) => nextStep(state, event)?.to ?? state, from);
}

test("the way up passes every stage once", () => {
  const events: ConnectionEvent[] = [
    "connect",
    "token.ready",
    "socket.opened",
    "greeted",
    "caught.up",
  ];
  const passed = events.map((_, index) => walk("idle", events.slice(0, index + 1)));
  expect(passed).toEqual(["authorizing", "opening", "greeting", "catching_up", "live"]);
});

test("every step leads to a state of the table", () => {
  for (const row of Object.values(connectionTable)) {
    for (const step of Object.values(row)) expect(states).toContain(step.to);
  }
});

test("every state but idle can be left by disconnect", () => {
  for (const state of states.filter((it) => it !== "idle")) {
    expect(nextStep(state, "disconnect")?.to).toBe("idle");
  }
});

test("every state is reachable from idle", () => {
  const reached = new Set<ConnectionState>(["idle"]);
  for (const state of reached) {
    for (const step of Object.values(connectionTable[state])) reached.add(step.to);
  }
  expect([...reached].sort()).toEqual([...states].sort());
});

test("who enters waiting has planned the way out", () => {
  for (const row of Object.values(connectionTable)) {
    const waits = Object.values(row).filter((it) => it.to === "waiting" || it.to === "paused");
    for (const step of waits) {
      expect(step.do.some((action) => action.startsWith("schedule"))).toBe(true);
    }
  }
});

test("who leaves a socket behind closes it", () => {
  for (const state of ["opening", "greeting", "catching_up", "live"] as const) {
    for (const step of Object.values(connectionTable[state])) {
      if (["waiting", "paused", "idle", "stopped"].includes(step.to))
        expect(step.do).toContain("closeSocket");
    }
  }
});

describe("close codes are answered as the contract's table says", () => {
  test.each([
    [1001, "waiting", "scheduleRetry"],
    [1012, "waiting", "scheduleRetry"],
    [1006, "waiting", "scheduleRetry"],
    [1007, "waiting", "scheduleRetry"],
    [1009, "waiting", "scheduleRetry"],
    [4001, "waiting", "scheduleRetry"],
    [4003, "waiting", "dropToken"],
    [4004, "stopped", "closeSocket"],
    [4007, "waiting", "startOver"],
    [4008, "waiting", "scheduleRetry"],
    [4009, "waiting", "scheduleRetry"],
    [4029, "paused", "scheduleAfterLimit"],
  ] as const)("%i → %s, %s", (code, to, action) => {
    const step = nextStep("live", `closed.${reactionTo(code)}`);
    expect(step?.to).toBe(to);
    expect(step?.do).toContain(action);
  });

  test("only the codes about a frame blame it", () => {
    expect([1001, 1006, 1007, 1009, 4001, 4003].filter(blamesFrame)).toEqual([1007, 1009, 4001]);
  });
});

test("a stopped session is not revived by the network or a timer", () => {
  expect(walk("stopped", ["network.found", "retry.due", "closed.resume"])).toBe("stopped");
});

describe("backoff", () => {
  test("full jitter: from nothing to the doubled ceiling, at most 30 s", () => {
    expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 1))).toEqual([500, 1000, 2000, 4000]);
    expect(backoffMs(50, 1)).toBe(30_000);
    expect(backoffMs(50, 1, 15_000)).toBe(15_000);
    expect(backoffMs(5, 0)).toBe(0);
  });
});
