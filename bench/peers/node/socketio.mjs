// Socket.IO on Express with a database: the chat server of many tutorials, written with care. A send is committed, then
// goes to the room, then is acked. The first argument names the database: sqlite or postgres.
import { createServer } from "node:http";
import express from "express";
import { Server } from "socket.io";
import { verify } from "./token.mjs";
import { serve } from "./serving.mjs";

const TEXT_LENGTH_MAX = 10_000;

const { open } = await import(`./store/${process.argv[2]}.mjs`);
const store = await open();

const app = express();
app.get("/health", (_request, response) => response.json({ ok: true }));
const http = createServer(app);
const io = new Server(http);

io.use((socket, next) => {
  try {
    Object.assign(socket.data, verify(socket.handshake.auth.token));
    next();
  } catch {
    next(new Error("unauthorized"));
  }
});

io.on("connection", (socket) => {
  socket.join(socket.data.rooms);
  socket.on("send_message", async (send, ack) => {
    try {
      const refused = refusal(socket, send, ack);
      if (refused) return ack?.({ error: refused });
      const { conversation, clientId, text } = send;
      const { message, isNew } = await store.append(conversation, socket.data.user, clientId, text);
      if (isNew) io.to(conversation).emit("new_message", message);
      ack({ ok: true, seq: message.seq });
    } catch (error) {
      console.error(error);
      ack?.({ error: "internal" });
    }
  });
});

function refusal(socket, send, ack) {
  if (typeof ack !== "function") return "no ack was asked for";
  if (typeof send?.text !== "string" || send.text.length > TEXT_LENGTH_MAX) return "text";
  if (typeof send.clientId !== "string") return "clientId";
  if (!socket.rooms.has(send.conversation)) return "not a member";
}

serve(http, async () => {
  io.close();
  await store.close();
});
