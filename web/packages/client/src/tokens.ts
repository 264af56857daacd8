// Access tokens: where they come from, how long they live, and that only one renewal runs at a time.
// Tokens are never put in a URL or a log, and never stored here: a TokenSource owns their storage.

import { ParlorError } from "./errors";

export type Grant = { token: string; expiresAtMs: number | null };

/**
 * Gives access tokens. `renew` is called with the token that no longer works; it rejects with a
 * ParlorError of status 401 when the session has ended and the person must sign in.
 */
export type TokenSource = {
  current(): Promise<Grant>;
  renew(stale: string): Promise<Grant>;
};

export type TokenOption = string | (() => Promise<string>) | TokenSource;

/** The `exp` of a JWT in ms, or null for tokens of another make. Read as a hint only, never trusted. */
export function expiryOf(token: string): number | null {
  const payload = token.split(".")[1];
  if (!payload) return null;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const exp =
      typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : null;
    return typeof exp === "number" ? exp * 1000 : null;
  } catch {
    return null;
  }
}

const grantOf = (token: string): Grant => ({ token, expiresAtMs: expiryOf(token) });

export function tokenSource(option: TokenOption): TokenSource {
  if (typeof option === "string") {
    const grant = Promise.resolve(grantOf(option));
    // A plain string has nobody to ask for another.
    const ended = () =>
      Promise.reject(new ParlorError("session_ended", "The token has ended.", 401));
    return { current: () => grant, renew: ended };
  }
  if (typeof option === "function") {
    let held: Promise<Grant> | null = null;
    const fetchGrant = (): Promise<Grant> => {
      const next = option().then(grantOf);
      held = next;
      next.catch(() => {
        held = null;
      });
      return next;
    };
    return { current: () => held ?? fetchGrant(), renew: fetchGrant };
  }
  return option;
}

/** Wraps a source so that any number of callers share one renewal of the same stale token. */
export function singleFlight(source: TokenSource): TokenSource {
  let renewal: { stale: string; grant: Promise<Grant> } | null = null;
  return {
    current: () => (renewal ? renewal.grant : source.current()),
    renew(stale) {
      if (renewal) return renewal.grant;
      const grant = source.renew(stale).finally(() => {
        renewal = null;
      });
      renewal = { stale, grant };
      return grant;
    },
  };
}
