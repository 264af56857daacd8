// The tab's session as one observable value, and the ways in and out. Signing out forgets the account in
// this browser even when the server can't be told.

import { type Auth, type AuthReply, createAuth, type Readable } from "@parlor/client";
import { navigate, pathOf, type Route, routeOf } from "../router";
import { type Account, Accounts, safeStorage } from "./accounts";
import { accountTokens } from "./token-source";

export type Session = {
  account: Account | null;
  /** Why the form is shown, when it was not the person's wish. */
  notice: "session-ended" | "link-used" | "link-unreachable" | null;
};

export const auth: Auth = createAuth(window.location.origin);

export const accounts = new Accounts(
  safeStorage(() => window.localStorage),
  safeStorage(() => window.sessionStorage),
  Date.now,
);

const listeners = new Set<() => void>();
let current: Session = { account: accounts.active(), notice: null };

export const session: Readable<Session> = {
  getSnapshot: () => current,
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

function set(next: Session): void {
  current = next;
  for (const listener of listeners) listener();
}

const WANTED_KEY = "parlor.wanted";
const tab = safeStorage(() => window.sessionStorage);

/** Where to go when somebody has signed in; also after a reload of the form. */
export function comeBackTo(route: Route): void {
  tab.setItem(WANTED_KEY, pathOf(route));
}

function goOn(): void {
  const wanted = tab.getItem(WANTED_KEY);
  tab.removeItem(WANTED_KEY);
  navigate(wanted === null ? { page: "chats" } : routeOf(wanted), "replace");
}

export const tokensOf = (userId: string) => accountTokens(userId, accounts, auth);

export function enter(reply: AuthReply): void {
  set({ account: accounts.signIn(reply), notice: null });
  goOn();
}

export function switchTo(userId: string): void {
  accounts.activate(userId);
  set({ account: accounts.find(userId), notice: null });
  goOn();
}

export function showNotice(notice: Session["notice"]): void {
  set({ ...current, notice });
}

/** The server no longer knows the session: keep drafts and waiting messages, ask to sign in. */
export function endSession(userId: string): void {
  accounts.remove(userId);
  set({ account: null, notice: "session-ended" });
}

export async function signOut(account: Account): Promise<void> {
  const held = accounts.find(account.user.id) ?? account;
  accounts.remove(account.user.id);
  set({ account: null, notice: null });
  navigate({ page: "sign-in" }, "replace");
  // Best effort: offline, the session ends on the server when its refresh token does.
  await auth.logout(held.accessToken).catch(() => undefined);
}

/** Takes the one-time code out of `/sign-in#code=…`, and out of the history. */
export function takeLinkCode(): string | null {
  if (window.location.pathname !== "/sign-in") return null;
  const code = new URLSearchParams(window.location.hash.slice(1)).get("code");
  if (code !== null) window.history.replaceState(window.history.state, "", "/sign-in");
  return code;
}
