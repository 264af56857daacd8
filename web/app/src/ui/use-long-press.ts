// A long press of a finger, as phones ask for a menu. A mouse has a button for it, and a finger that moves
// scrolls.

import { type PointerEvent, useCallback, useEffect, useRef } from "react";

/** As long as the systems' own long press. */
const PRESS_MS = 450;
const MOVED_PX = 10;

/** The finger that lets go would press what has opened under it. */
export function swallowRelease(): void {
  const swallow = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  const options = { capture: true, once: true };
  window.addEventListener("click", swallow, options);
  window.addEventListener(
    "pointerdown",
    () => window.removeEventListener("click", swallow, options),
    options,
  );
}

export type LongPress = {
  onPointerDown(event: PointerEvent<HTMLElement>): void;
  onPointerMove(event: PointerEvent<HTMLElement>): void;
  onPointerUp(event: PointerEvent<HTMLElement>): void;
  onPointerCancel(event: PointerEvent<HTMLElement>): void;
};

export function useLongPress(onPress: (element: HTMLElement) => void): LongPress {
  const press = useRef<{ timer: ReturnType<typeof setTimeout>; x: number; y: number } | null>(null);
  const end = useCallback(() => {
    if (press.current) clearTimeout(press.current.timer);
    press.current = null;
  }, []);
  useEffect(() => end, [end]);
  return {
    onPointerDown({ pointerType, currentTarget, clientX, clientY }) {
      end();
      if (pointerType !== "touch") return;
      const timer = setTimeout(() => {
        swallowRelease();
        onPress(currentTarget);
      }, PRESS_MS);
      press.current = { timer, x: clientX, y: clientY };
    },
    onPointerMove({ clientX, clientY }) {
      const { x, y } = press.current ?? { x: clientX, y: clientY };
      if (Math.hypot(clientX - x, clientY - y) > MOVED_PX) end();
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}
