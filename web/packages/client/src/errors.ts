// The one error type a caller meets: the server's stable `code` and a sentence, or one of the codes the
// client itself adds (`network`, `timeout`, `disconnected`, `bad_frame`, `too_long`).

import type { FieldError } from "./generated/protocol";

export class ParlorError extends Error {
  constructor(
    readonly code: string,
    detail: string,
    /** HTTP status; 0 when no reply was had. */
    readonly status = 0,
    readonly retryAfterMs: number | null = null,
    readonly fields: readonly FieldError[] = [],
  ) {
    super(detail);
    this.name = "ParlorError";
  }
}

const transientCodes = new Set([
  "network",
  "timeout",
  "disconnected",
  "rate_limited",
  "unavailable",
  "unknown_outcome",
  "internal",
  "storage_full",
  "request_timeout",
  "unauthorized",
  "token_expired",
  "session_revoked",
]);

/** Whether the same request may succeed later without being changed. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ParlorError)) return false;
  return transientCodes.has(error.code) || error.status === 429 || error.status >= 500;
}

const unsettledCodes = new Set([
  "network",
  "timeout",
  "disconnected",
  "rate_limited",
  "unavailable",
  "unknown_outcome",
  "request_timeout",
  "storage_full",
]);

/** Whether a message stays in the outbox and is sent again (rule 21); any other refusal is shown. */
export function isUnsettled(error: unknown): boolean {
  return error instanceof ParlorError && unsettledCodes.has(error.code);
}

/** Whether the person has to sign in again. */
export function isRefused(error: unknown): boolean {
  return error instanceof ParlorError && error.status === 401;
}
