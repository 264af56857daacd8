// Client-made message ids: UUIDv7 from the injected clock and randomness. The twelve bits after the version
// count, so ids of one millisecond differ and sort as they were made.

export function uuidv7(nowMs: number, count: number, random: () => number): string {
  const time = Math.floor(nowMs).toString(16).padStart(12, "0").slice(-12);
  const order = (count & 0xfff).toString(16).padStart(3, "0");
  const digits = (length: number) =>
    Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join("");
  const variant = (8 + Math.floor(random() * 4)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${order}-${variant}${digits(3)}-${digits(12)}`;
}
