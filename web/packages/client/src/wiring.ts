// Puts the parts together: connection, outbox, receipts, stores, sync. Nothing is decided here; each part
// knows its neighbours only through what it is handed.

import { Actions } from "./actions";
import type { Command } from "./connection/commands";
import { Connection } from "./connection/connection";
import { browserEnvironment, type Environment } from "./environment";
import { ParlorError } from "./errors";
import type { ServerFrame, UserSummary } from "./generated/protocol";
import { createHttp } from "./http";
import { Outbox, type OutboxEntry } from "./outbox";
import { Presence } from "./presence";
import { Receipts } from "./receipts";
import { Conversations } from "./stores/conversations";
import { Sync } from "./sync";
import { singleFlight, type TokenOption, tokenSource } from "./tokens";
import { Typing } from "./typing";

export type ParlorOptions = {
  /** The server's origin, such as `https://chat.example.org`; empty for the page's own. */
  url: string;
  token: TokenOption;
  /** Who signs in, when the host knows: lets waiting messages show before the first connection. */
  user?: UserSummary;
  environment?: Environment;
};

/** `onFrame` hears every frame after it was applied. */
export function wire(options: ParlorOptions, onFrame: (frame: ServerFrame) => void) {
  const environment = options.environment ?? browserEnvironment();
  const origin = options.url || globalThis.location?.origin || "";
  const tokens = singleFlight(tokenSource(options.token));
  const http = createHttp(environment, `${origin}/api/v1`, tokens);
  const conversations = new Conversations();
  const receipts: Receipts = new Receipts((kind, conversationId, seq) =>
    connection.command({ type: `receipt.${kind}`, conversationId, seq }),
  );
  const outbox: Outbox = new Outbox(environment, {
    send: (entry) => sendMessage(connection, entry),
    acked: (entry, ack) => sync.acked(entry, ack),
  });
  const sync: Sync = new Sync(environment, http, conversations, outbox, receipts, (cursor) =>
    askPage(connection, cursor),
  );
  // What is said of now is not said again: when it could be, it is another now.
  const tell = (command: Command) => void connection.command(command).catch(() => {});
  const typing = new Typing(
    environment,
    (conversationId, on) => tell({ type: on ? "typing.start" : "typing.stop", conversationId }),
    (userId) => userId === sync.me?.id,
  );
  const presence = new Presence(
    environment,
    (userIds) => connection.command({ type: "presence.watch", userIds }),
    (status) => tell({ type: "presence.set", status }),
  );
  const connection: Connection = new Connection(
    environment,
    `${origin.replace(/^http/, "ws")}/api/v1/ws`,
    tokens,
    {
      onFrame(frame) {
        sync.receive(frame);
        typing.receive(frame);
        presence.receive(frame);
        onFrame(frame);
      },
      cursor: () => sync.cursor,
      onCursor: (cursor) => sync.reached(cursor),
      catchUp: (greeting) => sync.catchUp(greeting),
      startOver: () => sync.startOver(),
      onLive() {
        outbox.start();
        receipts.start();
        presence.start();
      },
    },
  );
  connection.status.subscribe(() => {
    if (connection.status.getSnapshot().state === "live") return;
    outbox.stop();
    receipts.stop();
    presence.stop();
    typing.clear();
  });
  const actions = new Actions(
    (command) => connection.command(command),
    http,
    sync,
    conversations,
    receipts,
    environment.nowMs,
  );
  if (options.user) sync.identify(options.user);
  return { actions, connection, conversations, http, outbox, presence, receipts, sync, typing };
}

async function sendMessage(connection: Connection, entry: OutboxEntry) {
  const { conversationId, content, clientId } = entry;
  const ack = await connection.command({ type: "message.send", conversationId, content, clientId });
  if (!ack.message) throw new ParlorError("unknown_outcome", "The ack holds no message.");
  return ack.message;
}

async function askPage(connection: Connection, cursor: string | null) {
  const ack = await connection.command({ type: "sync", ...(cursor !== null && { cursor }) });
  if (!ack.page) throw new ParlorError("unknown_outcome", "The ack holds no page.");
  return ack.page;
}
