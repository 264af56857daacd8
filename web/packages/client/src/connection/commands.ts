// Commands in flight on one socket: gives each a `ref`, settles it by its ack or error, and fails what is
// open when the socket ends or the answer does not come. Never repeats a command: that is the outbox's.

import type { Environment, Timer } from "../environment";
import { ParlorError } from "../errors";
import type { ClientFrame, ServerFrame } from "../generated/protocol";

type WithoutRef<F> = F extends unknown ? Omit<F, "ref"> : never;
export type Command = WithoutRef<Exclude<ClientFrame, { type: "ping" }>>;
type Ack = Extract<ServerFrame, { type: "ack" }>;
type Failure = Extract<ServerFrame, { type: "error" }>;

/** An honest server answers in milliseconds; after this the outcome is unknown and may be asked again. */
const ANSWER_WITHIN_MS = 15_000;

type Open = { resolve(ack: Ack): void; reject(error: ParlorError): void; timer: Timer };

export class Commands {
  readonly #open = new Map<string, Open>();
  #next = 0;

  constructor(
    private readonly environment: Environment,
    private readonly write: (text: string) => void,
  ) {}

  send(command: Command): Promise<Ack> {
    this.#next += 1;
    const ref = String(this.#next);
    return new Promise<Ack>((resolve, reject) => {
      const timer = this.environment.after(ANSWER_WITHIN_MS, () => {
        this.#open.delete(ref);
        reject(new ParlorError("timeout", "The server did not answer in time."));
      });
      this.#open.set(ref, { resolve, reject, timer });
      this.write(JSON.stringify({ ...command, ref }));
    });
  }

  settle(frame: Ack | Failure): void {
    const ref = String(frame.ref);
    const open = this.#open.get(ref);
    if (!open) return;
    this.#open.delete(ref);
    open.timer.cancel();
    if (frame.type === "ack") return open.resolve(frame);
    open.reject(new ParlorError(frame.code, frame.detail, 0, frame.retryAfterMs ?? null));
  }

  failAll(code: "disconnected" | "bad_frame"): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { reject, timer } of open) {
      timer.cancel();
      reject(new ParlorError(code, "The connection ended before the answer came."));
    }
  }
}
