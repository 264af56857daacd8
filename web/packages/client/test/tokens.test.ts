// Tokens: one renewal at a time, and 401 leads to exactly one.

import { expect, test } from "vitest";
import { createHttp } from "../src/http";
import { expiryOf, type Grant, singleFlight, tokenSource } from "../src/tokens";
import { FakeWorld } from "./fake";

const grant = (token: string): Grant => ({ token, expiresAtMs: null });

test("any number of callers share one renewal", async () => {
  let renewals = 0;
  const source = singleFlight({
    current: () => Promise.resolve(grant("old")),
    renew: async () => {
      renewals += 1;
      return grant("new");
    },
  });
  const granted = await Promise.all([source.renew("old"), source.renew("old"), source.current()]);
  expect(granted.map((it) => it.token)).toEqual(["new", "new", "new"]);
  expect(renewals).toBe(1);
});

test("a 401 renews the token and repeats the call once", async () => {
  const world = new FakeWorld();
  let calls = 0;
  world.answer = () => {
    calls += 1;
    return calls === 1 ? { status: 401, body: { code: "token_expired" } } : { body: { ok: true } };
  };
  const http = createHttp(world.environment, "http://x/api/v1", {
    current: () => Promise.resolve(grant("old")),
    renew: () => Promise.resolve(grant("new")),
  });
  await expect(http.get("/users/me")).resolves.toEqual({ ok: true });
  expect(calls).toBe(2);
});

test("a refusal keeps the server's code, an unreachable server has one of its own", async () => {
  const world = new FakeWorld();
  const tokens = tokenSource("t");
  const http = createHttp(world.environment, "http://x/api/v1", tokens);
  world.answer = () => ({ status: 409, body: { code: "handle_taken", detail: "taken" } });
  await expect(http.post("/x", {})).rejects.toMatchObject({ code: "handle_taken", status: 409 });
  world.answer = () => "unreachable";
  await expect(http.post("/x", {})).rejects.toMatchObject({ code: "network", status: 0 });
});

test("a function is asked once until its token is stale", async () => {
  let asked = 0;
  const source = tokenSource(async () => {
    asked += 1;
    return `t${asked}`;
  });
  await source.current();
  expect((await source.current()).token).toBe("t1");
  expect((await source.renew("t1")).token).toBe("t2");
  expect((await source.current()).token).toBe("t2");
});

test("the expiry of a JWT is read, of anything else it is unknown", () => {
  const jwt = `x.${btoa(JSON.stringify({ exp: 1_760_000_000 }))}.y`;
  expect(expiryOf(jwt)).toBe(1_760_000_000_000);
  expect(expiryOf("opaque")).toBeNull();
  expect(expiryOf("a.!!.c")).toBeNull();
});
