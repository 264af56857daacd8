// Addresses and routes say the same in both directions.

import { expect, test } from "vitest";
import { pathOf, type Route, routeOf } from "../src/router";

test.each<Route>([
  { page: "chats" },
  { page: "conversation", id: "0198c0de-0000-7000-8000-000000000001" },
  { page: "conversation", id: "a/b c" },
  { page: "archive" },
  { page: "join", token: "a-b_c/d" },
  { page: "me" },
  { page: "sign-in" },
  { page: "register" },
])("%o", (route) => expect(routeOf(pathOf(route))).toEqual(route));

test("an address that names nothing is told apart from the chats", () => {
  expect(routeOf("/nowhere/at/all")).toEqual({ page: "missing", path: "/nowhere/at/all" });
  expect(routeOf("/")).toEqual({ page: "chats" });
  expect(routeOf("/c/")).toEqual({ page: "chats" });
});
