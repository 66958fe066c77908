// A network that can be slow and that can break, between the browser and the service.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Network {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** A connection that has brought so many bytes is cut. */
  cutAfter = Number.POSITIVE_INFINITY;
  /** How many bytes a second a connection brings. */
  bytesASecond = Number.POSITIVE_INFINITY;

  private constructor(port: number) {
    this.#server = createServer((client) => this.#pass(client, connect(port, '127.0.0.1')));
  }

  static async before(url: string): Promise<Network> {
    const network = new Network(Number(new URL(url).port));
    await new Promise<void>((listening) => network.#server.listen(0, '127.0.0.1', listening));
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
  }

  #pass(client: Socket, service: Socket): void {
    let brought = 0;
    let cuttingSince = this.cutAfter;
    for (const socket of [client, service]) {
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#open.delete(socket);
        client.destroy();
        service.destroy();
      });
    }
    client.pipe(service);
    service.on('data', (piece) => {
      // Counted from when the cutting was ordered: a kept connection has brought the page before.
      if (cuttingSince !== this.cutAfter) brought = 0;
      cuttingSince = this.cutAfter;
      brought += piece.length;
      if (brought > this.cutAfter) {
        client.resetAndDestroy();
        return;
      }
      client.write(piece);
      if (Number.isFinite(this.bytesASecond)) {
        service.pause();
        setTimeout(() => service.resume(), (piece.length / this.bytesASecond) * 1_000);
      }
    });
  }
}
