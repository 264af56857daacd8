// Client-made message ids: UUIDv7 from the injected clock and randomness, so that a queue sorted by id is
// sorted by time, and a test can know them.

export function uuidv7(nowMs: number, random: () => number): string {
  const time = Math.floor(nowMs).toString(16).padStart(12, "0").slice(-12);
  const digits = (count: number) =>
    Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join("");
  const variant = (8 + Math.floor(random() * 4)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digits(3)}-${variant}${digits(3)}-${digits(12)}`;
}
