// The calls that make, renew and end a session. Stateless: storing what they answer is the host's
// business, because only the host knows whether it may keep a refresh token.

import { browserEnvironment, type Environment } from "./environment";
import type { AuthReply, LinkPreview, Register } from "./generated/protocol";
import { request } from "./http";

export type Auth = {
  register(input: Register): Promise<AuthReply>;
  login(login: string, password: string): Promise<AuthReply>;
  link(code: string): Promise<AuthReply>;
  refresh(refreshToken: string): Promise<AuthReply>;
  logout(accessToken: string): Promise<void>;
  /** What an invitation leads to, for who is not signed in yet. */
  preview(token: string): Promise<LinkPreview>;
};

export function createAuth(
  url: string,
  environment: Pick<Environment, "fetch" | "after"> = browserEnvironment(),
): Auth {
  const outside = { ...browserEnvironment(), ...environment };
  const post = <T>(path: string, body?: unknown, token: string | null = null): Promise<T> =>
    request<T>(outside, "POST", `${url}/api/v1/auth/${path}`, token, body);
  return {
    register: (input) => post("register", input),
    login: (login, password) => post("login", { login, password }),
    link: (code) => post("link", { code }),
    refresh: (refreshToken) => post("refresh", { refreshToken }),
    preview: (token) =>
      request(outside, "GET", `${url}/api/v1/links/${encodeURIComponent(token)}`, null),
    logout: (accessToken) => post("logout", undefined, accessToken),
  };
}
