// Carries out what the table says: owns the one socket, its timers and the current state. Frames go up
// through `onFrame`, commands come down through `command`. What is missed while away is the business of
// `catchUp`, where this device stands that of `cursor`. Nothing about conversations or messages may be known here.

import type { Environment, Socket, Timer } from "../environment";
import { isRefused, ParlorError } from "../errors";
import type { ServerFrame } from "../generated/protocol";
import { Store } from "../store";
import type { Grant, TokenSource } from "../tokens";
import { BACKOFF_CAP_MS, BACKOFF_VISIBLE_CAP_MS, backoffMs } from "./backoff";
import { blamesFrame, reactionTo } from "./closes";
import { type Command, Commands } from "./commands";
import {
  type ConnectionAction,
  type ConnectionEvent,
  type ConnectionState,
  nextStep,
} from "./table";

export type ConnectionStatus =
  | { state: "idle" }
  | { state: "connecting" }
  | { state: "catching_up" }
  | { state: "live" }
  | { state: "waiting"; retryAtMs: number; offline: boolean }
  | { state: "stopped" };

type ConnectedFrame = Extract<ServerFrame, { type: "connected" }>;

export type ConnectionDelegates = {
  onFrame(frame: ServerFrame): void;
  /** Where to resume; null to begin from nothing. */
  cursor(): string | null;
  /** Everything before this cursor was sent, and handed to `onFrame`. */
  onCursor(cursor: string): void;
  /** Takes what was missed; resolves when every store is current. */
  catchUp(greeting: ConnectedFrame): Promise<void>;
  onLive(): void;
  /** The server can't continue from what is held: forget it, read it again. */
  startOver(): void;
};

/** From asking for a token to `connected`, each part on its own. */
const STEP_DEADLINE_MS = 15_000;
/** How long a socket may take to answer when the network or the machine just came back. */
const PROBE_DEADLINE_MS = 4_000;
/** After 4029, when the server named no wait. */
const LIMIT_WAIT_MS = 15_000;
/** Below the 2³¹ ms at which a browser's timer fires at once. */
const LONGEST_TIMER_MS = 12 * 3_600_000;
const RENEW_BEFORE_MS = 60_000;

export class Connection {
  readonly status = new Store<ConnectionStatus>({ state: "idle" });
  readonly #commands: Commands;
  #state: ConnectionState = "idle";
  #socket: Socket | null = null;
  /** Raised whenever the socket is left behind, so that late callbacks of an older one are ignored. */
  #generation = 0;
  #attempt = 0;
  #grant: Grant | null = null;
  #staleToken: string | null = null;
  #greeting: ConnectedFrame | null = null;
  #drainMs = 0;
  #limitMs = LIMIT_WAIT_MS;
  #retryAtMs = 0;
  #offline = false;
  #heard = false;
  #stepTimer: Timer | null = null;
  #beatTimer: Timer | null = null;
  #renewTimer: Timer | null = null;
  #stopListening: (() => void) | null = null;
  #nextPing = 0;

  constructor(
    private readonly environment: Environment,
    private readonly url: string,
    private readonly tokens: TokenSource,
    private readonly delegates: ConnectionDelegates,
  ) {
    this.#commands = new Commands(environment, (text) => this.#socket?.send(text));
  }

  connect(): void {
    this.#stopListening ??= this.environment.onNetwork((hint) => {
      this.#offline = hint === "lost";
      this.#dispatch(hint === "lost" ? "network.lost" : "network.found");
      this.#publish();
    });
    this.#dispatch("connect");
  }

  disconnect(): void {
    this.#stopListening?.();
    this.#stopListening = null;
    this.#dispatch("disconnect");
  }

  /** Sends a command and answers its ack; rejects at once when there is no live socket. */
  command(command: Command): Promise<Extract<ServerFrame, { type: "ack" }>> {
    if (this.#state !== "live" && this.#state !== "catching_up") {
      return Promise.reject(new ParlorError("disconnected", "There is no connection."));
    }
    return this.#commands.send(command);
  }

  #dispatch(event: ConnectionEvent): void {
    const step = nextStep(this.#state, event);
    if (!step) return;
    this.#state = step.to;
    this.#stepTimer?.cancel();
    this.#stepTimer = null;
    for (const action of step.do) this.#run(action);
    this.#publish();
  }

  #publish(): void {
    const held = this.status.getSnapshot();
    const next = this.#project();
    const same =
      held.state === next.state &&
      (next.state !== "waiting" ||
        (held.state === "waiting" &&
          held.retryAtMs === next.retryAtMs &&
          held.offline === next.offline));
    if (!same) this.status.set(next);
  }

  #project(): ConnectionStatus {
    switch (this.#state) {
      case "authorizing":
      case "opening":
      case "greeting":
        return { state: "connecting" };
      case "waiting":
      case "paused":
        return { state: "waiting", retryAtMs: this.#retryAtMs, offline: this.#offline };
      default:
        return { state: this.#state };
    }
  }

  #run(action: ConnectionAction): void {
    switch (action) {
      case "fetchToken":
        return this.#fetchToken();
      case "dropToken":
        this.#staleToken = this.#grant?.token ?? null;
        return;
      case "startOver":
        return this.delegates.startOver();
      case "openSocket":
        return this.#openSocket();
      case "closeSocket":
        return this.#closeSocket();
      case "authenticate":
        return this.#authenticate();
      case "startDeadline":
        this.#stepTimer = this.environment.after(STEP_DEADLINE_MS, () =>
          this.#dispatch("deadline"),
        );
        return;
      case "startHeartbeat":
        this.#beat(this.#greeting?.heartbeatMs ?? 30_000);
        return this.#planRenewal();
      case "catchUp":
        return this.#catchUp();
      case "goLive":
        this.#attempt = 0;
        return this.delegates.onLive();
      case "scheduleRetry":
        return this.#scheduleRetry();
      case "scheduleAfterDrain":
        return this.#schedule(this.#drainMs);
      case "scheduleAfterLimit":
        this.#attempt += 1;
        return this.#schedule(this.#limitMs);
      case "probe":
        return this.#probe(PROBE_DEADLINE_MS);
    }
  }

  #fetchToken(): void {
    const generation = ++this.#generation;
    const stale = this.#staleToken;
    this.#obtain(stale).then(
      (grant) => {
        if (generation !== this.#generation) return;
        this.#grant = grant;
        this.#staleToken = null;
        this.#dispatch("token.ready");
      },
      (error: unknown) => {
        if (generation !== this.#generation) return;
        this.#dispatch(isRefused(error) ? "token.refused" : "token.failed");
      },
    );
  }

  async #obtain(stale: string | null): Promise<Grant> {
    if (stale !== null) return this.tokens.renew(stale);
    const grant = await this.tokens.current();
    const expired = grant.expiresAtMs !== null && grant.expiresAtMs <= this.environment.nowMs();
    return expired ? this.tokens.renew(grant.token) : grant;
  }

  #openSocket(): void {
    const generation = ++this.#generation;
    const current = () => generation === this.#generation;
    this.#socket = this.environment.openSocket(this.url, {
      open: () => current() && this.#dispatch("socket.opened"),
      message: (text) => current() && this.#receive(text),
      close: (code) => {
        if (!current()) return;
        this.#commands.failAll(blamesFrame(code) ? "bad_frame" : "disconnected");
        this.#dispatch(`closed.${reactionTo(code)}`);
      },
    });
  }

  #closeSocket(): void {
    this.#generation += 1;
    this.#beatTimer?.cancel();
    this.#renewTimer?.cancel();
    const socket = this.#socket;
    this.#socket = null;
    this.#commands.failAll("disconnected");
    socket?.close(1000);
  }

  #authenticate(): void {
    const token = this.#grant?.token ?? "";
    const cursor = this.delegates.cursor();
    this.#socket?.send(JSON.stringify({ type: "auth", token, ...(cursor && { cursor }) }));
  }

  #receive(text: string): void {
    this.#heard = true;
    const frame = JSON.parse(text) as ServerFrame;
    switch (frame.type) {
      case "connected":
        this.#greeting = frame;
        return this.#dispatch("greeted");
      case "ack":
      case "error":
        if (frame.type === "error" && frame.code === "rate_limited") {
          this.#limitMs = frame.retryAfterMs ?? LIMIT_WAIT_MS;
        }
        return this.#commands.settle(frame);
      case "pong":
        if (frame.cursor !== undefined) this.delegates.onCursor(frame.cursor);
        return;
      case "reconnect":
        this.#drainMs = frame.afterMs;
        return this.#dispatch("drain");
      default:
        this.delegates.onFrame(frame);
    }
  }

  #catchUp(): void {
    const generation = this.#generation;
    const greeting = this.#greeting;
    if (!greeting) return;
    this.delegates.catchUp(greeting).then(
      () => generation === this.#generation && this.#dispatch("caught.up"),
      (error: unknown) => {
        if (generation !== this.#generation) return;
        this.#dispatch(isRefused(error) ? "token.refused" : "catch.up.failed");
      },
    );
  }

  #scheduleRetry(): void {
    const ceilingMs = this.environment.isVisible() ? BACKOFF_VISIBLE_CAP_MS : BACKOFF_CAP_MS;
    this.#schedule(backoffMs(this.#attempt++, this.environment.random(), ceilingMs));
  }

  #schedule(delayMs: number): void {
    this.#retryAtMs = this.environment.nowMs() + delayMs;
    this.#stepTimer = this.environment.after(delayMs, () => this.#dispatch("retry.due"));
  }

  /**
   * One ping per beat; a whole beat after a ping without any frame means the socket is dead. Counting
   * from our own ping, not from the last frame, keeps a background tab with slowed timers connected.
   */
  #beat(heartbeatMs: number): void {
    this.#beatTimer?.cancel();
    this.#beatTimer = this.environment.after(heartbeatMs, () => this.#probe(heartbeatMs));
  }

  #probe(answerWithinMs: number): void {
    this.#beatTimer?.cancel();
    this.#heard = false;
    this.#nextPing += 1;
    this.#socket?.send(JSON.stringify({ type: "ping", ref: `p${this.#nextPing}` }));
    this.#beatTimer = this.environment.after(answerWithinMs, () => {
      if (!this.#heard) this.#dispatch("silence");
      else this.#probe(this.#greeting?.heartbeatMs ?? answerWithinMs);
    });
  }

  #planRenewal(): void {
    this.#renewTimer?.cancel();
    const expiresAtMs = this.#grant?.expiresAtMs ?? null;
    if (expiresAtMs === null) return;
    const leftMs = expiresAtMs - this.environment.nowMs();
    const waitMs = Math.max(leftMs - RENEW_BEFORE_MS, leftMs / 2, 1_000);
    const generation = this.#generation;
    this.#renewTimer = this.environment.after(Math.min(waitMs, LONGEST_TIMER_MS), () => {
      if (waitMs > LONGEST_TIMER_MS) return this.#planRenewal();
      void this.#renew(generation);
    });
  }

  async #renew(generation: number): Promise<void> {
    try {
      const grant = await this.tokens.renew(this.#grant?.token ?? "");
      if (generation !== this.#generation) return;
      this.#grant = grant;
      await this.#commands.send({ type: "auth", token: grant.token });
    } catch (error) {
      if (generation !== this.#generation) return;
      if (isRefused(error)) return this.#dispatch("token.refused");
    }
    // After a passing failure too: half of what is left of the old token is tried again.
    if (generation === this.#generation) this.#planRenewal();
  }
}
