// Waits for a condition, never for a time.

const LOOK_EVERY_MS = 50;

export async function until(
  what: string,
  withinMs: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms for this in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
