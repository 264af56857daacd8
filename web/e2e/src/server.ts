// Starts and stops the real server binary on a free port and a data folder of its own. A restart keeps
// both, so clients must find their way back by themselves.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./until";

const DEFAULT_BIN = fileURLToPath(new URL("../../../target/debug/parlor", import.meta.url));
const START_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 15_000;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

export class Server {
  #process: ChildProcess | null = null;
  #output = "";

  private constructor(
    private readonly port: number,
    private readonly dataDir: string,
    private readonly settings: Record<string, string>,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const dataDir = await mkdtemp(join(tmpdir(), "parlor-e2e-"));
    const server = new Server(await freePort(), dataDir, settings);
    await server.resume();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Everything the server has printed. */
  get output(): string {
    return this.#output;
  }

  /** Starts the process again on the same port and data. */
  async resume(): Promise<void> {
    const child = spawn(process.env.PARLOR_BIN ?? DEFAULT_BIN, ["serve"], {
      env: {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: String(this.port),
        PARLOR_DATA_DIR: this.dataDir,
        ...this.settings,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    await until(`the server is ready at ${this.url}`, START_WITHIN_MS, async () => {
      if (child.exitCode !== null) {
        throw new Error(`the server ended with ${child.exitCode}:\n${this.#output}`);
      }
      return fetch(`${this.url}/ready`).then(
        (reply) => reply.status === 200,
        () => false,
      );
    });
  }

  /** Ends the process as an operator would and keeps its data. */
  async pause(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
    await ended;
    clearTimeout(force);
  }

  async stop(): Promise<void> {
    await this.pause();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
