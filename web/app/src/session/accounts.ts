// Who is signed in, in this browser and in this tab. All accounts live in localStorage under one key each
// tab reads anew; which one a tab shows lives in its sessionStorage. So two tabs can be two people.

import { type AuthReply, memoryStorage, type User } from "@parlor/client";

export type Account = {
  user: User;
  accessToken: string;
  refreshToken: string;
  expiresAtMs: number;
  usedAtMs: number;
};

type KeyValue = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const ACCOUNTS_KEY = "parlor.accounts";
const ACTIVE_KEY = "parlor.active";
/** What a tab holds after signing out: it must not become somebody else by itself. */
const NOBODY = "";

function isAccount(value: unknown): value is Account {
  return (
    typeof value === "object" &&
    value !== null &&
    "user" in value &&
    "accessToken" in value &&
    "refreshToken" in value &&
    "expiresAtMs" in value
  );
}

/** Storage may be forbidden altogether; then a session lasts as long as the page. */
export function safeStorage(read: () => Storage): KeyValue {
  try {
    return read();
  } catch {
    const held = memoryStorage();
    return { getItem: held.get, setItem: held.set, removeItem: held.remove };
  }
}

export class Accounts {
  constructor(
    private readonly shared: KeyValue,
    private readonly tab: KeyValue,
    private readonly nowMs: () => number,
  ) {}

  all(): Account[] {
    try {
      const parsed: unknown = JSON.parse(this.shared.getItem(ACCOUNTS_KEY) ?? "{}");
      const values = typeof parsed === "object" && parsed !== null ? Object.values(parsed) : [];
      return values.filter(isAccount).sort((a, b) => b.usedAtMs - a.usedAtMs);
    } catch {
      return [];
    }
  }

  find(userId: string): Account | null {
    return this.all().find((account) => account.user.id === userId) ?? null;
  }

  /** This tab's account; a new tab takes the most recently used one, one that signed out takes none. */
  active(): Account | null {
    const chosen = this.tab.getItem(ACTIVE_KEY);
    const account = chosen === null ? (this.all()[0] ?? null) : this.find(chosen);
    if (account && chosen === null) this.tab.setItem(ACTIVE_KEY, account.user.id);
    return account;
  }

  /** Stores a fresh session and makes it this tab's. */
  signIn(reply: AuthReply): Account {
    const account = this.store(reply);
    this.tab.setItem(ACTIVE_KEY, account.user.id);
    return account;
  }

  store(reply: AuthReply): Account {
    const nowMs = this.nowMs();
    const account: Account = {
      user: reply.user,
      accessToken: reply.accessToken,
      refreshToken: reply.refreshToken,
      expiresAtMs: nowMs + reply.expiresInMs,
      usedAtMs: nowMs,
    };
    this.#write([account, ...this.all().filter((held) => held.user.id !== account.user.id)]);
    return account;
  }

  /** Keeps how somebody is called now, for the list of accounts. */
  rename(user: User): void {
    this.#write(this.all().map((it) => (it.user.id === user.id ? { ...it, user } : it)));
  }

  activate(userId: string): void {
    const nowMs = this.nowMs();
    this.tab.setItem(ACTIVE_KEY, userId);
    this.#write(this.all().map((it) => (it.user.id === userId ? { ...it, usedAtMs: nowMs } : it)));
  }

  remove(userId: string): void {
    this.#write(this.all().filter((account) => account.user.id !== userId));
    if (this.tab.getItem(ACTIVE_KEY) === userId) this.tab.setItem(ACTIVE_KEY, NOBODY);
  }

  #write(accounts: Account[]): void {
    const byId = Object.fromEntries(accounts.map((account) => [account.user.id, account]));
    this.shared.setItem(ACCOUNTS_KEY, JSON.stringify(byId));
  }
}
