// Small facts about the page as hooks: whether it is looked at, which day it is, and its title.

import { useEffect, useSyncExternalStore } from "react";

function subscribeFocus(listener: () => void): () => void {
  window.addEventListener("focus", listener);
  window.addEventListener("blur", listener);
  document.addEventListener("visibilitychange", listener);
  return () => {
    window.removeEventListener("focus", listener);
    window.removeEventListener("blur", listener);
    document.removeEventListener("visibilitychange", listener);
  };
}

/** Whether a person can see this page and it has the keyboard. */
export function usePageFocus(): boolean {
  return useSyncExternalStore(
    subscribeFocus,
    () => document.visibilityState === "visible" && document.hasFocus(),
  );
}

function subscribeMinute(listener: () => void): () => void {
  const timer = setInterval(listener, 60_000);
  return () => clearInterval(timer);
}

/** The start of today in ms; changes at midnight, so that "today" becomes "yesterday". */
export function useToday(): number {
  return useSyncExternalStore(subscribeMinute, () => new Date().setHours(0, 0, 0, 0));
}

/** Now in ms, as of the last whole minute. */
export function useMinute(): number {
  return useSyncExternalStore(subscribeMinute, () => Math.floor(Date.now() / 60_000) * 60_000);
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
    return () => {
      document.title = "Parlor";
    };
  }, [title]);
}
