// A broadcast on `ws`, nothing stored: a send gets the next number of its room, goes to all of its sockets as one
// encoded text, and is acked.
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { verify } from "./token.mjs";
import { serve } from "./serving.mjs";

const PAYLOAD_BYTES_MAX = 64 * 1024;

const http = createServer();
const sockets = new WebSocketServer({ noServer: true, maxPayload: PAYLOAD_BYTES_MAX });
/** Room name to its sockets and the number of its last message. */
const rooms = new Map();

http.on("upgrade", (request, stream, head) => {
  let person;
  try {
    person = verify(new URL(request.url, "http://localhost").searchParams.get("token"));
  } catch {
    stream.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n");
    return;
  }
  sockets.handleUpgrade(request, stream, head, (socket) => welcome(socket, person));
});

function welcome(socket, { user, rooms: names }) {
  for (const name of names) join(name, socket);
  socket.on("error", () => socket.terminate());
  socket.on("close", () => names.forEach((name) => leave(name, socket)));
  socket.on("message", (data) => {
    try {
      receive(socket, user, names, JSON.parse(data));
    } catch {
      socket.close(1003, "not a command");
    }
  });
  socket.send(JSON.stringify({ type: "ready", user }));
}

function join(name, socket) {
  let room = rooms.get(name);
  if (!room) rooms.set(name, (room = { sockets: new Set(), seq: 0 }));
  room.sockets.add(socket);
}

function leave(name, socket) {
  const room = rooms.get(name);
  room.sockets.delete(socket);
  if (room.sockets.size === 0) rooms.delete(name);
}

function receive(socket, user, names, { type, ref, room: name, text }) {
  if (type !== "send") return;
  if (!names.includes(name) || typeof text !== "string") {
    socket.send(JSON.stringify({ type: "error", ref, reason: "refused" }));
    return;
  }
  const room = rooms.get(name);
  const seq = ++room.seq;
  const message = Buffer.from(
    JSON.stringify({ type: "message", room: name, seq, sender: user, ref, text }),
  );
  for (const member of room.sockets) {
    if (member.readyState === WebSocket.OPEN) member.send(message, { binary: false });
  }
  socket.send(JSON.stringify({ type: "ack", ref, seq }));
}

serve(http);
