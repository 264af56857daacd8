// The ways to what can be done to a row, beside its button: a right click or the menu key, a long press, a
// swipe.

import { type HTMLAttributes, type PointerEvent, useRef } from "react";
import type { MenuAnchor } from "../ui/menu";
import { useLongPress } from "../ui/use-long-press";
import { SWIPE_WIDTHS } from "./swipe-actions";
import { useSwipe } from "./use-swipe";

type Handlers = Pick<
  HTMLAttributes<HTMLElement>,
  "onPointerDown" | "onPointerMove" | "onPointerUp" | "onPointerCancel" | "onContextMenu"
>;

export function useRowGestures(openAt: (anchor: MenuAnchor) => void) {
  const front = useRef<HTMLDivElement>(null);
  const swipe = useSwipe(front, SWIPE_WIDTHS);
  const press = useLongPress((element) => {
    swipe.close();
    openAt(element.getBoundingClientRect());
  });
  const both = (name: keyof typeof press) => (event: PointerEvent<HTMLElement>) => {
    press[name](event);
    swipe.handlers[name](event);
  };
  const handlers: Handlers = {
    onPointerDown: both("onPointerDown"),
    onPointerMove: both("onPointerMove"),
    onPointerUp: both("onPointerUp"),
    onPointerCancel: both("onPointerCancel"),
    onContextMenu(event) {
      event.preventDefault();
      const { pointerType } = event.nativeEvent as globalThis.PointerEvent;
      const { clientX: x, clientY: y, currentTarget } = event;
      // A finger has its long press, and a key tells no place.
      if (pointerType === "touch") return;
      if (pointerType === "mouse") openAt({ top: y, bottom: y, left: x, right: x });
      else openAt(currentTarget.getBoundingClientRect());
    },
  };
  return { front, side: swipe.side, close: swipe.close, handlers };
}
