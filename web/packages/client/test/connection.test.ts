// The connection driven by a fake clock and fake sockets.

import { expect, test, vi } from "vitest";
import { Connection } from "../src/connection/connection";
import { ParlorError } from "../src/errors";
import type { Grant, TokenSource } from "../src/tokens";
import { FakeWorld } from "./fake";

const ended = () => new ParlorError("session_ended", "ended", 401);

function start(tokens: Partial<TokenSource> = {}) {
  const world = new FakeWorld();
  const delegates = {
    onFrame: vi.fn(),
    cursor: vi.fn((): string | null => null),
    onCursor: vi.fn(),
    catchUp: vi.fn(() => Promise.resolve()),
    onLive: vi.fn(),
    startOver: vi.fn(),
  };
  const source: TokenSource = {
    current: () => Promise.resolve({ token: "t1", expiresAtMs: null }),
    renew: () => Promise.resolve({ token: "t2", expiresAtMs: null }),
    ...tokens,
  };
  const connection = new Connection(world.environment, "ws://x/api/v1/ws", source, delegates);
  const goLive = async () => {
    await world.pass();
    world.socket.opens();
    world.socket.greets();
    await world.pass();
  };
  return {
    world,
    connection,
    delegates,
    goLive,
    state: () => connection.status.getSnapshot().state,
  };
}

test("the token goes in the first frame, never in the address", async () => {
  const { world, connection, goLive, state, delegates } = start();
  connection.connect();
  await goLive();
  expect(world.socket.sent[0]).toEqual({ type: "auth", token: "t1" });
  expect(state()).toBe("live");
  expect(delegates.onLive).toHaveBeenCalledTimes(1);
});

test("events before catching up has ended are handed on, and live comes after", async () => {
  const { world, connection, delegates, state } = start();
  let finish = () => {};
  delegates.catchUp.mockReturnValue(new Promise<void>((resolve) => (finish = resolve)));
  connection.connect();
  await world.pass();
  world.socket.opens();
  world.socket.greets();
  world.socket.says({ type: "message.new" });
  expect(state()).toBe("catching_up");
  expect(delegates.onFrame).toHaveBeenCalledTimes(1);
  finish();
  await world.pass();
  expect(state()).toBe("live");
});

test("a broken socket is retried fast at first, then ever more slowly", async () => {
  const { world, connection, goLive, state } = start();
  connection.connect();
  await goLive();
  world.socket.breaks(1006);
  expect(state()).toBe("waiting");
  await world.pass(249);
  expect(world.sockets.length).toBe(1);
  await world.pass(1);
  expect(world.sockets.length).toBe(2);
  world.socket.breaks(1006);
  await world.pass(499);
  expect(world.sockets.length).toBe(2);
  await world.pass(1);
  expect(world.sockets.length).toBe(3);
});

test("being live again starts the backoff anew", async () => {
  const { world, connection, goLive } = start();
  connection.connect();
  await goLive();
  for (const _ of [1, 2, 3]) {
    world.socket.breaks(1006);
    await world.pass(250);
    await goLive();
  }
  expect(world.sockets.length).toBe(4);
});

test("a drain is waited out as the server asked", async () => {
  const { world, connection, goLive, state } = start();
  connection.connect();
  await goLive();
  world.socket.says({ type: "reconnect", afterMs: 7_000 } as const);
  expect(world.socket.isClosed).toBe(true);
  expect(connection.status.getSnapshot()).toMatchObject({ retryAtMs: world.nowMs + 7_000 });
  await world.pass(6_999);
  expect(world.sockets.length).toBe(1);
  await world.pass(1);
  expect(world.sockets.length).toBe(2);
  expect(state()).toBe("connecting");
});

test("r13: a wait that the server named is not cut short by the network or a look at the page", async () => {
  for (const end of ["drain", "limit"] as const) {
    const { world, connection, goLive } = start();
    connection.connect();
    await goLive();
    if (end === "drain") world.socket.says({ type: "reconnect", afterMs: 7_000 });
    else world.socket.breaks(4029);
    world.network("found");
    await world.pass(6_999);
    expect(world.sockets.length).toBe(1);
    await world.pass(8_001);
    expect(world.sockets.length).toBe(2);
  }
});

test("while somebody looks at the page the wait is at most 15 s, else 30 s", async () => {
  for (const [visible, mostMs] of [
    [true, 15_000],
    [false, 30_000],
  ] as const) {
    const { world, connection } = start();
    world.visible = visible;
    world.luck = 1;
    connection.connect();
    await world.pass();
    for (let attempt = 0; attempt < 8; attempt += 1) {
      world.socket.breaks(1006);
      const status = connection.status.getSnapshot();
      expect(status.state).toBe("waiting");
      if (status.state !== "waiting") return;
      const waitMs = status.retryAtMs - world.nowMs;
      expect(waitMs).toBeLessThanOrEqual(mostMs);
      if (attempt === 7) expect(waitMs).toBe(mostMs);
      await world.pass(waitMs);
    }
  }
});

test("r7: the first frame carries the cursor where there is one", async () => {
  const { world, connection, delegates } = start();
  delegates.cursor.mockReturnValue("c7");
  connection.connect();
  await world.pass();
  world.socket.opens();
  expect(world.socket.sent[0]).toEqual({ type: "auth", token: "t1", cursor: "c7" });
});

test("r10: a pong hands its cursor on", async () => {
  const { world, connection, goLive, delegates } = start();
  connection.connect();
  await goLive();
  world.socket.says({ type: "pong" });
  expect(delegates.onCursor).not.toHaveBeenCalled();
  world.socket.says({ type: "pong", cursor: "c8" });
  expect(delegates.onCursor).toHaveBeenCalledWith("c8");
});

test("4003 renews the token before the next try", async () => {
  const { world, connection, goLive } = start();
  connection.connect();
  await goLive();
  world.socket.breaks(4003);
  await world.pass(500);
  world.socket.opens();
  expect(world.socket.sent[0]).toEqual({ type: "auth", token: "t2" });
});

test("4004 and a refused renewal end it; connect begins again", async () => {
  const revoked = start();
  revoked.connection.connect();
  await revoked.goLive();
  revoked.world.socket.breaks(4004);
  await revoked.world.pass(120_000);
  expect(revoked.state()).toBe("stopped");
  expect(revoked.world.sockets.length).toBe(1);

  const refused = start({ renew: () => Promise.reject(ended()) });
  refused.connection.connect();
  await refused.goLive();
  refused.world.socket.breaks(4003);
  await refused.world.pass(1_000);
  expect(refused.state()).toBe("stopped");
  refused.connection.connect();
  expect(refused.state()).toBe("connecting");
});

test("4007 starts over", async () => {
  const { world, connection, goLive, delegates } = start();
  connection.connect();
  await goLive();
  world.socket.breaks(4007);
  expect(delegates.startOver).toHaveBeenCalledTimes(1);
});

test("two heartbeats of silence mean a dead socket; any frame proves life", async () => {
  const { world, connection, goLive, state } = start();
  connection.connect();
  await goLive();
  await world.pass(25_000);
  expect(world.socket.sentOf("ping").length).toBe(1);
  world.socket.says({ type: "pong" });
  await world.pass(25_000);
  expect(state()).toBe("live");
  expect(world.socket.sentOf("ping").length).toBe(2);
  await world.pass(25_000);
  expect(state()).toBe("waiting");
  expect(world.sockets[0]?.isClosed).toBe(true);
});

test("a returning network skips the wait, and is only a hint while live", async () => {
  const { world, connection, goLive, state } = start();
  connection.connect();
  await goLive();
  world.network("found");
  expect(state()).toBe("live");
  expect(world.socket.sentOf("ping").length).toBe(1);
  world.socket.breaks(1006);
  world.network("lost");
  expect(connection.status.getSnapshot()).toMatchObject({ state: "waiting", offline: true });
  world.network("found");
  await world.pass();
  expect(world.sockets.length).toBe(2);
});

test("a network that goes while connecting does not leave an attempt hanging", async () => {
  const { world, connection, state } = start();
  connection.connect();
  await world.pass();
  world.network("lost");
  expect(connection.status.getSnapshot()).toMatchObject({ state: "waiting", offline: true });
  expect(world.socket.isClosed).toBe(true);
  world.network("found");
  expect(state()).toBe("connecting");
});

test("the token is renewed on the open socket before it ends", async () => {
  const grant = (token: string, atMs: number): Grant => ({ token, expiresAtMs: atMs });
  const world = new FakeWorld();
  const startMs = world.nowMs;
  const held = start({
    current: () => Promise.resolve(grant("t1", startMs + 600_000)),
    renew: () => Promise.resolve(grant("t2", startMs + 1_200_000)),
  });
  held.connection.connect();
  await held.goLive();
  const beats = async (count: number) => {
    for (let beat = 0; beat < count; beat += 1) {
      await held.world.pass(20_000);
      held.world.socket.says({ type: "pong" });
    }
  };
  await beats(26);
  expect(held.world.socket.sentOf("auth").length).toBe(1);
  await beats(2);
  expect(held.world.socket.sentOf("auth")[1]).toMatchObject({ token: "t2" });
  expect(held.state()).toBe("live");
});

test("a command is settled by its ref, and failed when the socket ends", async () => {
  const { world, connection, goLive } = start();
  connection.connect();
  await goLive();
  const read = { type: "receipt.read", conversationId: "c1", seq: 1 } as const;
  const first = connection.command(read);
  const second = connection.command(read);
  const [a, b] = world.socket.sentOf("receipt.read");
  expect(a?.ref).not.toBe(b?.ref);
  world.socket.says({ type: "ack", ref: b?.ref ?? "" });
  await expect(second).resolves.toMatchObject({ type: "ack" });
  world.socket.breaks(4001);
  await expect(first).rejects.toMatchObject({ code: "bad_frame" });
  await expect(connection.command(read)).rejects.toMatchObject({ code: "disconnected" });
});

test("late callbacks of an older socket change nothing", async () => {
  const { world, connection, goLive, state } = start();
  connection.connect();
  await goLive();
  const old = world.socket;
  old.breaks(1006);
  await world.pass(250);
  await goLive();
  old.breaks(4004);
  expect(state()).toBe("live");
});
