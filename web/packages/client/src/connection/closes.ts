// What a client does about each WebSocket close code. The table is the contract's, section 5; codes that
// it does not name (1006: the network broke) are answered by resuming.

export type CloseReaction = "resume" | "refresh" | "stop" | "startOver" | "wait";

const reactions: Readonly<Record<number, CloseReaction>> = {
  1001: "resume",
  1012: "resume",
  // 1007, 1009 and 4001 say that a frame of ours was wrong. Resuming is right, repeating it is not: the
  // driver fails every command in flight with `bad_frame`, and the outbox marks its message failed.
  1007: "resume",
  1009: "resume",
  4001: "resume",
  4003: "refresh",
  4004: "stop",
  4007: "startOver",
  4008: "resume",
  4009: "resume",
  4029: "wait",
};

export function reactionTo(code: number): CloseReaction {
  return reactions[code] ?? "resume";
}

/** Whether the close accuses the frames which were in flight. */
export function blamesFrame(code: number): boolean {
  return code === 1007 || code === 1009 || code === 4001;
}
