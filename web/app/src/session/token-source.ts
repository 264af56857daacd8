// An account's access tokens. A refresh token works once, so tabs of one account must not refresh at the
// same time: a lock named after the user lets one go, and the others find its result in storage.

import { type Auth, type Grant, ParlorError, type TokenSource } from "@parlor/client";
import type { Account, Accounts } from "./accounts";

export type Lock = <T>(name: string, task: () => Promise<T>) => Promise<T>;

/** Where locks are missing (plain http on a LAN address), tabs take the small risk of a double refresh. */
export const browserLock: Lock = (name, task) =>
  navigator.locks ? (navigator.locks.request(name, task) as ReturnType<typeof task>) : task();

const grantOf = (account: Account): Grant => ({
  token: account.accessToken,
  expiresAtMs: account.expiresAtMs,
});

const ended = () => new ParlorError("session_ended", "The session has ended.", 401);

export function accountTokens(
  userId: string,
  accounts: Accounts,
  auth: Auth,
  lock: Lock = browserLock,
): TokenSource {
  return {
    async current() {
      const account = accounts.find(userId);
      if (!account) throw ended();
      return grantOf(account);
    },
    renew: (stale) =>
      lock(`parlor.refresh.${userId}`, async () => {
        const account = accounts.find(userId);
        if (!account) throw ended();
        // Another tab was first: its token is the fresh one.
        if (account.accessToken !== stale) return grantOf(account);
        return grantOf(accounts.store(await auth.refresh(account.refreshToken)));
      }),
  };
}
