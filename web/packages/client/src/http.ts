// REST calls: JSON in, JSON out, problem+json as ParlorError. A 401 renews the token once and repeats the
// call. No retry lives here: who calls knows whether repeating is right.

import type { Environment } from "./environment";
import { ParlorError } from "./errors";
import type { FieldError } from "./generated/protocol";
import type { TokenSource } from "./tokens";

export type Query = Record<string, string | number | boolean | undefined>;

export type Http = {
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  put<T>(path: string, body?: unknown): Promise<T>;
  patch<T>(path: string, body: unknown): Promise<T>;
  delete(path: string): Promise<void>;
};

/** Longer than any honest reply; a hung proxy must not hang the app. */
const REQUEST_TIMEOUT_MS = 20_000;

type ProblemBody = { code?: unknown; detail?: unknown; title?: unknown; errors?: unknown };

async function problemOf(response: Response): Promise<ParlorError> {
  const body: ProblemBody = await response.json().then(
    (value: unknown) => (typeof value === "object" && value !== null ? value : {}),
    () => ({}),
  );
  const code = typeof body.code === "string" ? body.code : `http_${response.status}`;
  const detail = typeof body.detail === "string" ? body.detail : response.statusText;
  const retryAfterS = Number(response.headers.get("retry-after") ?? Number.NaN);
  const fields = Array.isArray(body.errors) ? (body.errors as FieldError[]) : [];
  const retryAfterMs = Number.isFinite(retryAfterS) ? retryAfterS * 1000 : null;
  return new ParlorError(code, detail, response.status, retryAfterMs, fields);
}

/** One request without a retry; `token` null for the calls that need none. */
export async function request<T>(
  environment: Environment,
  method: string,
  url: string,
  token: string | null,
  body?: unknown,
): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const abort = new AbortController();
  const timer = environment.after(REQUEST_TIMEOUT_MS, () => abort.abort());
  try {
    const response = await environment
      .fetch(url, {
        method,
        headers,
        credentials: "omit",
        signal: abort.signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      .catch(() => {
        throw new ParlorError("network", "The server could not be reached.");
      });
    if (!response.ok) throw await problemOf(response);
    if (response.status === 204) return undefined as T;
    return (await response.json().catch(() => {
      throw new ParlorError("network", "The reply was cut off.");
    })) as T;
  } finally {
    timer.cancel();
  }
}

export function createHttp(environment: Environment, base: string, tokens: TokenSource): Http {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const grant = await tokens.current();
    try {
      return await request<T>(environment, method, base + path, grant.token, body);
    } catch (error) {
      if (!(error instanceof ParlorError) || error.status !== 401) throw error;
      const fresh = await tokens.renew(grant.token);
      return request<T>(environment, method, base + path, fresh.token, body);
    }
  }
  return {
    get<T>(path: string, query: Query = {}) {
      const pairs = Object.entries(query).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, String(value)]],
      );
      const search = new URLSearchParams(pairs).toString();
      return call<T>("GET", search ? `${path}?${search}` : path);
    },
    post: <T>(path: string, body?: unknown) => call<T>("POST", path, body),
    put: <T>(path: string, body?: unknown) => call<T>("PUT", path, body),
    patch: <T>(path: string, body: unknown) => call<T>("PATCH", path, body),
    delete: (path) => call<void>("DELETE", path),
  };
}
