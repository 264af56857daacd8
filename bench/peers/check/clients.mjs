// One small client for each wire protocol, all with the same face: `send` returns what the ack says, `delivered` holds
// what arrived as { room, seq, text }. This is the executable half of the protocol notes in README.md.
import { once } from "node:events";
import net from "node:net";
import WebSocket from "ws";
import { Queue } from "./queue.mjs";

class Client {
  delivered = new Queue();
  acks = new Queue();
  /** Steps of connecting that the server has answered. */
  steps = new Queue();
  end = (reason) => [this.delivered, this.acks, this.steps].forEach((queue) => queue.end(reason));

  delivery = () => this.delivered.next("delivery");

  async websocket(url) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (data) => this.receive(data.toString()));
    this.socket.on("close", (code) => this.end(new Error(`closed with ${code}`)));
    await once(this.socket, "open");
    this.say = (text) => this.socket.send(text);
    this.close = () => this.socket.terminate();
  }

  async tcp(port) {
    this.socket = net.connect(port, "127.0.0.1").setNoDelay();
    this.socket.on("data", (data) => this.receive(data.toString()));
    this.socket.on("error", this.end);
    this.socket.on("close", () => this.end(new Error("closed")));
    await once(this.socket, "connect");
    this.say = (text) => this.socket.write(text);
    this.close = () => this.socket.destroy();
  }
}

class WebSocketJson extends Client {
  async connect(port, { token }) {
    await this.websocket(`ws://127.0.0.1:${port}/ws?token=${token}`);
    await this.steps.next("ready");
    return this;
  }

  receive(frame) {
    for (const line of frame.split("\n")) {
      const said = JSON.parse(line);
      const queues = { ready: this.steps, message: this.delivered, ack: this.acks, error: this.acks };
      queues[said.type].push(said);
    }
  }

  send(room, ref, text) {
    this.say(JSON.stringify({ type: "send", ref, room, text }));
    return this.acks.next("ack");
  }
}

class SocketIo extends Client {
  #acks = 0;

  async connect(port, { token }) {
    await this.websocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
    await this.steps.next("open packet");
    this.say(`40${JSON.stringify({ token })}`);
    await this.steps.next("connect packet");
    return this;
  }

  receive(packet) {
    if (packet === "2") this.say("3");
    else if (packet.startsWith("44")) this.end(new Error(packet));
    else if (packet.startsWith("0") || packet.startsWith("40")) this.steps.push(packet);
    else if (packet.startsWith("43")) this.acks.push(JSON.parse(packet.slice(packet.indexOf("[")))[0]);
    else if (packet.startsWith('42["new_message",')) {
      const message = JSON.parse(packet.slice(2))[1];
      this.delivered.push({ room: message.conversation, ...message });
    } else throw new Error(`not expected: ${packet}`);
  }

  send(room, ref, text) {
    const message = { conversation: room, clientId: ref, text };
    this.say(`42${this.#acks++}${JSON.stringify(["send_message", message])}`);
    return this.acks.next("ack");
  }
}

class Centrifuge extends Client {
  #commands = 1;

  async connect(port, { token }) {
    await this.websocket(`ws://127.0.0.1:${port}/connection/websocket`);
    this.say(JSON.stringify({ id: 1, params: { token } }));
    await this.steps.next("connect reply");
    return this;
  }

  receive(frame) {
    for (const line of frame.split("\n").filter(Boolean)) {
      const { id, error, result } = JSON.parse(line);
      if (error) this.end(new Error(error.message));
      else if (id === 1) this.steps.push(result);
      else if (id) this.acks.push({});
      else this.delivered.push({ room: result.channel, text: result.data.data.text });
    }
  }

  send(room, ref, text) {
    const params = { channel: room, data: { ref, text } };
    this.say(JSON.stringify({ id: ++this.#commands, method: 3, params }));
    return this.acks.next("ack");
  }
}

class Nats extends Client {
  #buffer = "";

  async connect(port, { rooms, password = "bench" }) {
    await this.tcp(port);
    await this.steps.next("INFO");
    const options = { verbose: true, pedantic: false, user: "bench", pass: password };
    this.say(`CONNECT ${JSON.stringify(options)}\r\n`);
    await this.acks.next("+OK");
    for (const [index, room] of rooms.entries()) {
      this.say(`SUB ${room} ${index + 1}\r\n`);
      await this.acks.next("+OK");
    }
    return this;
  }

  receive(data) {
    this.#buffer += data;
    for (let end; (end = this.#buffer.indexOf("\r\n")) >= 0; ) {
      const line = this.#buffer.slice(0, end);
      const [kind, room, , length] = line.split(" ");
      if (kind === "MSG") {
        const after = end + 2 + Number(length);
        if (this.#buffer.length < after + 2) return;
        this.delivered.push({ room, text: this.#buffer.slice(end + 2, after) });
        end = after;
      } else if (kind === "INFO") this.steps.push(line);
      else if (kind === "+OK") this.acks.push({});
      else if (kind === "PING") this.say("PONG\r\n");
      else if (kind === "-ERR") this.end(new Error(line));
      this.#buffer = this.#buffer.slice(end + 2);
    }
  }

  send(room, _ref, text) {
    this.say(`PUB ${room} ${text.length}\r\n${text}\r\n`);
    return this.acks.next("+OK");
  }
}

class Xmpp extends Client {
  #buffer = "";
  #archive = new Queue();

  async connect(port, { user, token, rooms }) {
    await this.tcp(port);
    await this.#stream();
    const password = Buffer.from(`\0${user}\0${token}`).toString("base64");
    this.say(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${password}</auth>`);
    await this.steps.next("success");
    await this.#stream();
    this.say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    await this.steps.next("bound");
    for (const room of rooms) {
      this.say(
        `<presence to='${room}@conference.localhost/${user}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
      );
      await this.steps.next("own presence");
    }
    this.user = user;
    return this;
  }

  #stream() {
    this.say(
      "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    return this.steps.next("features");
  }

  receive(data) {
    this.#buffer += data;
    const stanza =
      /<(stream:features|success|failure|message|presence|iq|stream:error)(?:\s[^>]*?)?(?:\/>|>.*?<\/\1>)/s;
    for (let found; (found = stanza.exec(this.#buffer)); ) {
      this.#buffer = this.#buffer.slice(found.index + found[0].length);
      this.#stanza(found[1], found[0]);
    }
  }

  #stanza(name, text) {
    if (process.env.SHOW) console.error(text);
    const body = /<body>(.*?)<\/body>/s.exec(text)?.[1];
    if (name === "failure" || name === "stream:error") this.end(new Error(text));
    else if (name === "stream:features" || name === "success") this.steps.push(text);
    else if (name === "iq" && text.includes("<ping ")) {
      const id = /\sid='([^']*)'/.exec(text)[1];
      this.say(`<iq type='result' id='${id}' to='localhost'/>`);
    } else if (name === "iq" && text.includes("id='archive'")) this.#archive.push(null);
    else if (name === "iq") this.steps.push(text);
    else if (name === "presence" && text.includes("code='110'")) this.steps.push(text);
    else if (name === "message" && text.includes("urn:xmpp:mam:2") && text.includes("<forwarded"))
      this.#archive.push(body);
    else if (name === "message" && body !== undefined) {
      const [, room, sender] = /\sfrom='([^@]*)@[^/]*\/([^']*)'/.exec(text);
      this.delivered.push({ room, text: body });
      if (sender === this.user) this.acks.push({});
    }
  }

  /** The room's own reflection of the message is its ack: it is archived before it is sent on. */
  send(room, ref, text) {
    this.say(
      `<message to='${room}@conference.localhost' type='groupchat' id='${ref}'><body>${text}</body></message>`,
    );
    return this.acks.next("reflection");
  }

  /** The texts in the room's archive. */
  async archive(room) {
    this.say(
      `<iq type='set' id='archive' to='${room}@conference.localhost'><query xmlns='urn:xmpp:mam:2'/></iq>`,
    );
    const texts = [];
    for (let text; (text = await this.#archive.next("archive")) !== null; ) texts.push(text);
    return texts;
  }
}

const clients = {
  "websocket-json": WebSocketJson,
  socketio: SocketIo,
  centrifuge: Centrifuge,
  nats: Nats,
  xmpp: Xmpp,
};

export const connect = (protocol, port, person) => new clients[protocol]().connect(port, person);
