// Whether the reader is at the newest message, and staying there. Only scrolling leaves the end: rows that
// arrive or change their height never do, so a burst of messages can't shake a reader off.

import { useCallback, useEffect, useRef, useState } from "react";

/** Nearer to the end than this is at the end; about one line of text. */
const NEAR_PX = 48;

/** A scroll this soon after a wheel, touch, key or press is the reader's; a flick goes on that long. */
const HAND_MS = 1_000;
const handEvents = ["wheel", "touchmove", "pointerdown", "keydown"] as const;

export type Stick = {
  atBottom: boolean;
  scrollerRef(element: HTMLElement | Window | null): void;
  /** To be called whenever the content has changed its height. */
  settle(): void;
  toBottom(): void;
  /** The list itself found its end in sight, as in a thread too short to scroll. */
  reached(isAtEnd: boolean): void;
};

export function useStick(startsAtBottom: boolean): Stick {
  const [atBottom, setAtBottom] = useState(startsAtBottom);
  const stuck = useRef(startsAtBottom);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);

  const stick = useCallback((next: boolean) => {
    stuck.current = next;
    setAtBottom(next);
  }, []);
  const settle = useCallback(() => {
    if (scroller && stuck.current) scroller.scrollTop = scroller.scrollHeight;
  }, [scroller]);
  const toBottom = useCallback(() => {
    stick(true);
    settle();
  }, [stick, settle]);

  const reached = useCallback(
    (isAtEnd: boolean) => {
      if (isAtEnd) stick(true);
    },
    [stick],
  );

  useEffect(() => {
    if (!scroller) return;
    let handAtMs = Number.NEGATIVE_INFINITY;
    const onHand = (event: Event) => {
      handAtMs = event.timeStamp;
    };
    let [top, height] = [scroller.scrollTop, scroller.scrollHeight];
    const onScroll = (event: Event) => {
      // The list corrects its own place while it measures rows; then the height changes too.
      const byHand = event.timeStamp - handAtMs < HAND_MS || scroller.scrollHeight === height;
      const movedPx = scroller.scrollTop - top;
      [top, height] = [scroller.scrollTop, scroller.scrollHeight];
      const isNear = distanceOf(scroller) <= NEAR_PX;
      if (isNear && movedPx >= 0) stick(true);
      else if (!isNear && movedPx < -1 && byHand) stick(false);
    };
    scroller.addEventListener("scroll", onScroll, { passive: true });
    for (const name of handEvents) scroller.addEventListener(name, onHand, { passive: true });
    // The composer grows, a keyboard opens: the newest stays in sight.
    const resizes = new ResizeObserver(settle);
    resizes.observe(scroller);
    return () => {
      scroller.removeEventListener("scroll", onScroll);
      for (const name of handEvents) scroller.removeEventListener(name, onHand);
      resizes.disconnect();
    };
  }, [scroller, settle, stick]);

  const scrollerRef = useCallback((element: HTMLElement | Window | null) => {
    setScroller(element instanceof HTMLElement ? element : null);
  }, []);
  return { atBottom, scrollerRef, settle, toBottom, reached };
}

function distanceOf(scroller: HTMLElement): number {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
}
