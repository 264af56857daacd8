// A finger that pulls a row aside uncovers what stands behind it: one set of buttons at its start, another
// at its end. The row then stays open until something else is touched. A finger that moves up or down
// scrolls, and a mouse has a menu for this.

import { type PointerEvent, type RefObject, useEffect, useRef, useState } from "react";
import { swallowRelease } from "../ui/use-long-press";

export type SwipeSide = "start" | "end";

/** As far as a finger trembles. */
const SLACK_PX = 10;

/** A finger on the row: where it began, how far it has pulled, and whether it pulls at all. */
type Pull = { id: number; x: number; y: number; from: number; to: number; pulls: boolean };

export type Swipe = {
  /** Which buttons are uncovered, wholly or in part. */
  side: SwipeSide | null;
  close(): void;
  handlers: {
    onPointerDown(event: PointerEvent<HTMLElement>): void;
    onPointerMove(event: PointerEvent<HTMLElement>): void;
    onPointerUp(event: PointerEvent<HTMLElement>): void;
    onPointerCancel(event: PointerEvent<HTMLElement>): void;
  };
};

/** `widths`: how wide the buttons of each side are. */
export function useSwipe(
  row: RefObject<HTMLElement | null>,
  widths: Readonly<Record<SwipeSide, number>>,
): Swipe {
  const [side, setSide] = useState<SwipeSide | null>(null);
  const pull = useRef<Pull | null>(null);
  const rest = useRef(0);
  const place = (toPx: number, moves: boolean) => {
    const element = row.current;
    if (!element) return;
    const rtl = getComputedStyle(element).direction === "rtl";
    element.style.transition = moves ? "none" : "";
    element.style.transform = toPx === 0 ? "" : `translateX(${rtl ? -toPx : toPx}px)`;
  };
  const settle = (toPx: number) => {
    rest.current = toPx;
    place(toPx, false);
    if (toPx === 0) setSide(null);
  };
  const close = () => settle(0);

  useEffect(() => {
    if (side === null) return;
    const onOutside = ({ target }: Event) => {
      const slot = row.current?.parentElement;
      if (pull.current === null && target instanceof Node && !slot?.contains(target)) settle(0);
    };
    window.addEventListener("pointerdown", onOutside, { capture: true });
    return () => window.removeEventListener("pointerdown", onOutside, { capture: true });
  });

  const end = () => {
    const held = pull.current;
    pull.current = null;
    // A touch on an open row closes it, and does nothing else.
    if (!held || (!held.pulls && held.from === 0)) return;
    swallowRelease();
    const width = held.to > 0 ? widths.start : widths.end;
    const opens = held.pulls && Math.abs(held.to) > width / 2;
    settle(opens ? Math.sign(held.to) * width : 0);
  };

  return {
    side,
    close,
    handlers: {
      onPointerDown({ pointerType, pointerId, clientX, clientY, target }) {
        if (pointerType !== "touch" || !row.current?.contains(target as Node)) return;
        const from = rest.current;
        pull.current = { id: pointerId, x: clientX, y: clientY, from, to: from, pulls: false };
      },
      onPointerMove({ clientX, clientY, currentTarget, pointerId }) {
        const held = pull.current;
        if (held?.id !== pointerId) return;
        const [dx, dy] = [clientX - held.x, clientY - held.y];
        if (!held.pulls) {
          if (Math.abs(dx) <= SLACK_PX || Math.abs(dx) <= Math.abs(dy)) return;
          held.pulls = true;
          currentTarget.setPointerCapture(pointerId);
        }
        const rtl = getComputedStyle(currentTarget).direction === "rtl";
        const toPx = held.from + (rtl ? -dx : dx);
        held.to = Math.max(-widths.end, Math.min(widths.start, toPx));
        setSide(toPx > 0 ? "start" : "end");
        place(held.to, true);
      },
      onPointerUp: end,
      onPointerCancel: end,
    },
  };
}
