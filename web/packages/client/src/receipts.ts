// Read and delivered receipts on their way to the server. Per conversation and kind only the furthest seq
// matters, so whatever gathers while one frame is in flight leaves as one. What a broken connection cut off
// is said again after the reconnect; nothing is stored, a reload derives it anew.

import { isTransient } from "./errors";

export type ReceiptKind = "read" | "delivered";
type SendReceipt = (kind: ReceiptKind, conversationId: string, seq: number) => Promise<unknown>;

export class Receipts {
  /** What is being said right now. */
  #inFlight: { key: string; seq: number } | null = null;
  readonly #wanted = new Map<string, { kind: ReceiptKind; conversationId: string; seq: number }>();
  readonly #sent = new Map<string, number>();
  #running = false;
  #busy = false;

  constructor(private readonly send: SendReceipt) {}

  note(kind: ReceiptKind, conversationId: string, seq: number): void {
    const key = `${kind} ${conversationId}`;
    if (seq <= (this.#sent.get(key) ?? 0)) return;
    if (seq <= (this.#wanted.get(key)?.seq ?? 0)) return;
    this.#wanted.set(key, { kind, conversationId, seq });
    void this.#flush();
  }

  /** How far a receipt reaches that the server has not answered yet; 0 when none is under way. */
  pending(kind: ReceiptKind, conversationId: string): number {
    const key = `${kind} ${conversationId}`;
    const inFlightSeq = this.#inFlight?.key === key ? this.#inFlight.seq : 0;
    return Math.max(inFlightSeq, this.#wanted.get(key)?.seq ?? 0);
  }

  /** The read cursor was set back to `seq`: what is read again from there is said again. */
  lowered(conversationId: string, seq: number): void {
    const key = `read ${conversationId}`;
    if ((this.#sent.get(key) ?? 0) > seq) this.#sent.set(key, seq);
    // Its ack may be there already, and not looked at yet.
    const inFlight = this.#inFlight;
    if (inFlight?.key === key) this.#inFlight = { key, seq: Math.min(inFlight.seq, seq) };
  }

  /** What was read but not said yet is not said at all. */
  cancelRead(conversationId: string): void {
    this.#wanted.delete(`read ${conversationId}`);
  }

  /** Another history has begun, in which nothing was said yet. */
  startOver(): void {
    this.#wanted.clear();
    this.#sent.clear();
  }

  start(): void {
    this.#running = true;
    void this.#flush();
  }

  stop(): void {
    this.#running = false;
  }

  /** One frame in flight: a first load with a thousand conversations trickles instead of bursting. */
  async #flush(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    // Events of one turn are gathered first.
    await Promise.resolve();
    for (const [key, receipt] of this.#wanted) {
      if (!this.#running) break;
      this.#wanted.delete(key);
      const { kind, conversationId, seq } = receipt;
      // What was read was received: its delivered receipt says nothing new.
      const covered =
        kind === "delivered" && seq <= (this.#sent.get(`read ${conversationId}`) ?? 0);
      if (covered) continue;
      try {
        this.#inFlight = { key, seq };
        await this.send(kind, conversationId, seq);
        const saidSeq = this.#inFlight?.seq ?? seq;
        this.#sent.set(key, Math.max(saidSeq, this.#sent.get(key) ?? 0));
      } catch (error) {
        // Refused for good: there is nothing to say it to. Cut off: said again after the reconnect.
        if (!isTransient(error)) continue;
        if (!this.#wanted.has(key)) this.#wanted.set(key, receipt);
        break;
      } finally {
        this.#inFlight = null;
      }
    }
    this.#busy = false;
  }
}
