#!/usr/bin/env node
// Does each peer do what the comparison says of it? Two people connect, one sends, both see it once and in order, the
// sender is acked; someone elsewhere sees nothing; a false token is refused. What a peer that persists has acked is still
// there after `kill -9`.
//
//     node check.mjs [name …]
//
// Without DATABASE_URL it starts a PostgreSQL of its own.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import jwt from "jsonwebtoken";
import { connect } from "./check/clients.mjs";

const START_MS_MAX = 30_000;
const here = import.meta.dirname;
const secret = randomBytes(32).toString("hex");
const text = (number) => `message ${number} `.padEnd(200, "x");

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** A started peer; `end` gives it a signal and waits until it is gone. */
async function start(peer, port, folder) {
  const [program, ...rest] = peer.command;
  const child = spawn(program.includes("/") ? join(here, peer.dir, program) : program, rest, {
    cwd: join(here, peer.dir),
    env: { ...process.env, ...peer.env, PORT: port, DATA_DIR: folder, JWT_SECRET: secret },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const gone = once(child, "exit");
  const end = async (signal) => {
    child.kill(signal);
    await gone;
  };
  const last = Date.now() + START_MS_MAX;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > last) {
      child.kill("SIGKILL");
      throw new Error("it does not listen");
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { end };
}

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

function person(user, rooms, key = secret) {
  const claims = { sub: user, jid: `${user}@localhost`, rooms };
  const token = jwt.sign(claims, key, { algorithm: "HS256", expiresIn: "1h" });
  return { user, rooms, token, password: key === secret ? undefined : "wrong" };
}

async function talks(peer, port, room) {
  const join = (...who) => connect(peer.protocol, port, person(...who));
  await assert.rejects(join("ada", [room], "another secret"), "a false token is refused");
  const ada = await join("ada", [room]);
  const grace = await join("grace", [room]);
  const stranger = await join("stranger", ["elsewhere"]);
  const seqs = [];
  for (const number of [1, 2, 3]) {
    seqs.push((await ada.send(room, `m${number}`, text(number))).seq);
    for (const member of [ada, grace]) {
      const delivery = await member.delivery();
      assert.equal(delivery.room, room);
      assert.equal(delivery.text, text(number));
    }
  }
  assert.equal(ada.delivered.length + grace.delivered.length, 0, "each is delivered once");
  assert.equal(stranger.delivered.length, 0, "only members see it");
  for (const client of [ada, grace, stranger]) client.close();
  return seqs;
}

/** What was acked before the kill is known after it: sent again, the last one gets its old place and goes to nobody. */
async function remembers(peer, port, room, seqs) {
  const ada = await connect(peer.protocol, port, person("ada", [room]));
  if (ada.archive) {
    assert.deepEqual(await ada.archive(room), [1, 2, 3].map(text));
  } else {
    assert.deepEqual(seqs, [1, 2, 3]);
    for (const number of [3, 2, 1]) {
      assert.equal((await ada.send(room, `m${number}`, text(number))).seq, number);
    }
    assert.equal((await ada.send(room, "m4", text(4))).seq, 4);
    assert.equal((await ada.delivery()).text, text(4), "only the new one is delivered");
  }
  ada.close();
}

async function check(peer) {
  const folder = await mkdtemp(join(tmpdir(), "peer-"));
  const room = `room-${randomBytes(4).toString("hex")}`;
  let server;
  try {
    const port = await freePort();
    server = await start(peer, port, folder);
    const seqs = await talks(peer, port, room);
    if (peer.persists) {
      await server.end("SIGKILL");
      server = await start(peer, port, folder);
      await remembers(peer, port, room, seqs);
    }
    await server.end("SIGTERM");
    server = null;
  } finally {
    await server?.end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

/** Gives the peers a database, and how to end it. */
async function database() {
  if (process.env.DATABASE_URL) return async () => {};
  const folder = await mkdtemp(join(tmpdir(), "peers-postgres-"));
  const postgres = (...rest) =>
    execFileSync(join(here, "postgres"), rest, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  process.env.DATABASE_URL = postgres("start", folder, String(await freePort())).trim();
  return async () => {
    postgres("stop", folder);
    await rm(folder, { recursive: true, force: true });
  };
}

const names = process.argv.slice(2);
const all = JSON.parse(await readFile(join(here, "peers.json"), "utf8"));
for (const name of names) assert(all.some((peer) => peer.name === name), `no peer is called ${name}`);
const peers = all.filter((peer) => names.length === 0 || names.includes(peer.name));

const end = await database();
for (const peer of peers) {
  try {
    await check(peer);
    console.log(`ok    ${peer.name}${peer.persists ? ", also after kill -9" : ""}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILS ${peer.name}: ${error.stack}`);
  }
}
await end();
