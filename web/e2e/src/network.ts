// A person's way to the server, which can be cut: open sockets end, requests and new sockets fail. The app's
// own files stay reachable, because without a service worker nobody could reload the page otherwise.

import type { BrowserContext, WebSocketRoute } from "playwright-core";

const API = /\/api\//;

export class Network {
  #isCut = false;
  readonly #open = new Set<WebSocketRoute>();

  /** To be called before the first page is opened. */
  static async of(context: BrowserContext): Promise<Network> {
    const network = new Network();
    await context.routeWebSocket(API, (socket) => {
      if (network.#isCut) return void socket.close();
      network.#open.add(socket);
      socket.connectToServer();
    });
    await context.route(API, (route) =>
      network.#isCut ? route.abort("internetdisconnected") : route.fallback(),
    );
    return network;
  }

  async cut(): Promise<void> {
    this.#isCut = true;
    for (const socket of this.#open) await socket.close();
    this.#open.clear();
  }

  mend(): void {
    this.#isCut = false;
  }
}
