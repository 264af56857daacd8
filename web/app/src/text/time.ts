// Times as people say them: today a time, then yesterday, a weekday, a date. Always 24 hours, always in
// the viewer's own zone. Formatters are made once: making one costs more than a list row.

export type DayWords = { today: string; yesterday: string };

export type TimeFormat = {
  clock(iso: string): string;
  full(iso: string): string;
  /** How long ago, for the last days; then the date. */
  ago(iso: string, nowMs: number): string;
  /** A date and a time, as short as they go. */
  moment(iso: string): string;
  listTime(iso: string, nowMs: number): string;
  day(iso: string, nowMs: number): string;
};

const midnight = (at: Date): number => new Date(at).setHours(0, 0, 0, 0);

/** Whole days between two moments by the calendar; a day of 23 or 25 hours counts as one. */
export function daysBetween(earlier: Date, later: Date): number {
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}

export function timeFormat(language: string, words: DayWords): TimeFormat {
  const make = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language, options);
  const clock = make({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const full = make({ dateStyle: "full", timeStyle: "short", hourCycle: "h23" });
  const moment = make({
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const weekdayShort = make({ weekday: "short" });
  const weekdayLong = make({ weekday: "long" });
  const shortDate = make({ day: "numeric", month: "short" });
  const yearDate = make({ day: "2-digit", month: "2-digit", year: "2-digit" });
  const longDate = make({ weekday: "long", day: "numeric", month: "long" });
  const longYearDate = make({ day: "numeric", month: "long", year: "numeric" });
  const ageOf = (at: Date, nowMs: number) => daysBetween(at, new Date(nowMs));
  const sameYear = (at: Date, nowMs: number) => at.getFullYear() === new Date(nowMs).getFullYear();
  return {
    clock: (iso) => clock.format(new Date(iso)),
    full: (iso) => full.format(new Date(iso)),
    ago(iso, nowMs) {
      const at = new Date(iso);
      const days = ageOf(at, nowMs);
      if (days >= 7) return (sameYear(at, nowMs) ? shortDate : yearDate).format(at);
      if (days >= 1) return relative.format(-days, "day");
      const minutes = Math.max(0, Math.floor((nowMs - at.getTime()) / 60_000));
      if (minutes < 60) return relative.format(-minutes, "minute");
      return relative.format(-Math.floor(minutes / 60), "hour");
    },
    moment: (iso) => moment.format(new Date(iso)),
    listTime(iso, nowMs) {
      const at = new Date(iso);
      const days = ageOf(at, nowMs);
      if (days <= 0) return clock.format(at);
      if (days === 1) return words.yesterday;
      if (days < 7) return weekdayShort.format(at);
      return (sameYear(at, nowMs) ? shortDate : yearDate).format(at);
    },
    day(iso, nowMs) {
      const at = new Date(iso);
      const days = ageOf(at, nowMs);
      if (days <= 0) return words.today;
      if (days === 1) return words.yesterday;
      if (days < 7) return weekdayLong.format(at);
      return (sameYear(at, nowMs) ? longDate : longYearDate).format(at);
    },
  };
}
