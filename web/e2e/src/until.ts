// Waits for a condition, never for a time.

const LOOK_EVERY_MS = 50;

export async function until(
  what: string | (() => string),
  withinMs: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) {
      const wanted = typeof what === "string" ? what : what();
      throw new Error(`waited ${withinMs} ms for this in vain: ${wanted}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
