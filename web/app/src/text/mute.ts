// For how long a conversation is silent. The server keeps the moment at which it ends.

/** Silence without an end: the last moment that every date can name. */
const FOREVER = "9999-12-31T23:59:59.000Z";
const HOUR_MS = 3_600_000;

export type Silence = "hour" | "hours" | "week" | "forever";

export const silences: readonly Silence[] = ["hour", "hours", "week", "forever"];

const lengthsMs = { hour: HOUR_MS, hours: 8 * HOUR_MS, week: 7 * 24 * HOUR_MS } as const;

export function endOf(silence: Silence, nowMs: number): string {
  return silence === "forever" ? FOREVER : new Date(nowMs + lengthsMs[silence]).toISOString();
}

export function isMuted(me: { mutedUntil: string | null }, nowMs: number): boolean {
  return me.mutedUntil !== null && Date.parse(me.mutedUntil) > nowMs;
}
