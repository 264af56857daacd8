// Exponential backoff with full jitter: attempt n waits a random time below base × 2ⁿ. Full jitter spreads
// the clients of a restarted server evenly instead of in waves, and makes the first retry fast.

export const BACKOFF_BASE_MS = 500;
export const BACKOFF_CAP_MS = 30_000;
/** While somebody looks at the page. */
export const BACKOFF_VISIBLE_CAP_MS = 15_000;

export function backoffMs(attempt: number, random: number, capMs = BACKOFF_CAP_MS): number {
  const ceilingMs = Math.min(capMs, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 16));
  return Math.round(random * ceilingMs);
}
