// Accounts side by side in one browser, drafts, and that a refresh token is used once.

import { type Auth, type AuthReply, memoryStorage } from "@parlor/client";
import { describe, expect, test } from "vitest";
import { Accounts } from "../src/session/accounts";
import { Drafts } from "../src/session/drafts";
import { accountTokens, type Lock } from "../src/session/token-source";

const NOW_MS = 1_760_000_000_000;

function keyValue() {
  const held = memoryStorage();
  return { getItem: held.get, setItem: held.set, removeItem: held.remove };
}

function reply(name: string, count = 1): AuthReply {
  const id = `u-${name}`;
  return {
    user: { id, handle: name, name, avatarUrl: null, email: null, bio: null, createdAt: "" },
    accessToken: `access-${name}-${count}`,
    refreshToken: `refresh-${name}-${count}`,
    token: `access-${name}-${count}`,
    expiresInMs: 900_000,
    sessionId: "s",
  };
}

describe("accounts", () => {
  test("two tabs are two people, and each stays who it is", () => {
    const shared = keyValue();
    let nowMs = NOW_MS;
    const tab = () => new Accounts(shared, keyValue(), () => nowMs);
    const [first, second] = [tab(), tab()];
    first.signIn(reply("ada"));
    nowMs += 1;
    second.signIn(reply("grace"));
    expect(first.active()?.user.id).toBe("u-ada");
    expect(second.active()?.user.id).toBe("u-grace");
    expect(tab().active()?.user.id).toBe("u-grace");
    nowMs += 1;
    first.activate("u-ada");
    expect(tab().active()?.user.id).toBe("u-ada");
  });

  test("a tab does not become somebody else when its account is signed out elsewhere", () => {
    const shared = keyValue();
    const [first, second] = [keyValue(), keyValue()].map(
      (tab) => new Accounts(shared, tab, () => 1),
    );
    first?.signIn(reply("ada"));
    second?.signIn(reply("grace"));
    second?.remove("u-ada");
    expect(first?.active()).toBeNull();
  });

  test("broken storage is an empty one", () => {
    const shared = keyValue();
    shared.setItem("parlor.accounts", "{nonsense");
    expect(new Accounts(shared, keyValue(), () => 1).all()).toEqual([]);
  });
});

describe("refresh across tabs", () => {
  /** One queue for all tabs, as the browser's locks are. */
  function sharedLock(): Lock {
    let tail: Promise<unknown> = Promise.resolve();
    return (_name, task) => {
      const run = tail.then(task);
      tail = run.catch(() => undefined);
      return run;
    };
  }

  test("tabs that find the same stale token spend one refresh token", async () => {
    const used: string[] = [];
    const auth = {
      refresh: async (token: string) => {
        used.push(token);
        return reply("ada", used.length + 1);
      },
    } as Pick<Auth, "refresh"> as Auth;
    const [shared, lock] = [keyValue(), sharedLock()];
    const accounts = [1, 2, 3].map(() => new Accounts(shared, keyValue(), () => NOW_MS));
    accounts[0]?.signIn(reply("ada"));
    const sources = accounts.map((it) => accountTokens("u-ada", it, auth, lock));
    const granted = await Promise.all(sources.map((source) => source.renew("access-ada-1")));
    expect(used).toEqual(["refresh-ada-1"]);
    expect(granted.map((grant) => grant.token)).toEqual(Array(3).fill("access-ada-2"));
    expect(granted[0]?.expiresAtMs).toBe(NOW_MS + 900_000);
  });

  test("without its account a tab is told that the session has ended", async () => {
    const accounts = new Accounts(keyValue(), keyValue(), () => NOW_MS);
    const source = accountTokens("u-ada", accounts, {} as Auth, sharedLock());
    await expect(source.current()).rejects.toMatchObject({ code: "session_ended" });
  });
});

describe("drafts", () => {
  test("outlive the page, belong to one account, and vanish when emptied", () => {
    const storage = keyValue();
    const drafts = new Drafts("u-ada", storage);
    drafts.set("c1", "not yet");
    expect(new Drafts("u-ada", storage).get("c1")).toBe("not yet");
    expect(new Drafts("u-grace", storage).get("c1")).toBe("");
    drafts.set("c1", "  ");
    expect(new Drafts("u-ada", storage).getSnapshot()).toEqual({});
  });

  test("another tab's draft of another conversation is kept", () => {
    const storage = keyValue();
    const [first, second] = [new Drafts("u-ada", storage), new Drafts("u-ada", storage)];
    first.set("c1", "one");
    second.set("c2", "two");
    expect(new Drafts("u-ada", storage).getSnapshot()).toEqual({ c1: "one", c2: "two" });
  });
});
