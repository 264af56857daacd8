// The app's routes as values, and the one place that touches the History API. Small on purpose: a few
// pages do not need a library.

import { useSyncExternalStore } from "react";

export type Route =
  | { page: "chats" }
  | { page: "conversation"; id: string }
  | { page: "archive" }
  /** Where an invitation leads. */
  | { page: "join"; token: string }
  | { page: "me" }
  | { page: "sign-in" }
  | { page: "register" }
  /** An address that names nothing here. */
  | { page: "missing"; path: string };

/** A broken address names a conversation that does not exist, which its page says. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function routeOf(path: string): Route {
  const [first, second] = path.split("/").filter(Boolean);
  if (first === "c" && second) return { page: "conversation", id: decoded(second) };
  if (first === "join" && second) return { page: "join", token: decoded(second) };
  if (first === "me" || first === "archive" || first === "sign-in" || first === "register")
    return { page: first };
  return first === undefined || first === "c" ? { page: "chats" } : { page: "missing", path };
}

export function pathOf(route: Route): string {
  switch (route.page) {
    case "chats":
      return "/";
    case "conversation":
      return `/c/${encodeURIComponent(route.id)}`;
    case "join":
      return `/join/${encodeURIComponent(route.token)}`;
    case "missing":
      return route.path;
    default:
      return `/${route.page}`;
  }
}

const listeners = new Set<() => void>();
let held: { path: string; route: Route } | null = null;

function snapshot(): Route {
  const path = window.location.pathname;
  if (held?.path !== path) held = { path, route: routeOf(path) };
  return held.route;
}

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

/** How many of our own pages lie behind this one; a deep link has none. */
function depth(): number {
  const state: unknown = window.history.state;
  const held = typeof state === "object" && state !== null && "depth" in state ? state.depth : 0;
  return typeof held === "number" ? held : 0;
}

export function navigate(route: Route, how: "push" | "replace" = "push"): void {
  if (how === "replace") window.history.replaceState({ depth: depth() }, "", pathOf(route));
  else window.history.pushState({ depth: depth() + 1 }, "", pathOf(route));
  tell();
}

/** Back to where the reader came from, or to `fallback` when they came by a link. */
export function goBack(fallback: Route): void {
  if (depth() > 0) window.history.back();
  else navigate(fallback, "replace");
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, snapshot);
}
