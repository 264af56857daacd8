// Tells the server when nobody looks at this device any more, and when somebody does again.

import type { Parlor } from "@parlor/client";
import { useEffect } from "react";

/** A glance at another tab is no absence. */
const AWAY_AFTER_MS = 60_000;

export function useAway({ presence }: Parlor): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const look = () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      if (document.visibilityState === "visible") presence.set("online");
      else timer = setTimeout(() => presence.set("away"), AWAY_AFTER_MS);
    };
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      if (timer !== null) clearTimeout(timer);
    };
  }, [presence]);
}
