// A network that can be slow and that can break, between the browser and the service.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** How an answer is lost after the service has acted, or a request before it arrives. */
export type Loss =
  | 'answer cut'
  | 'answer cut in the middle'
  /** It never comes, and the connection stays open. */
  | 'answer held'
  | 'gateway timeout'
  | 'request dropped';

/** What a proxy says in the service's place. */
const GATEWAY_TIMEOUT = '<html><body><h1>504 Gateway Time-out</h1></body></html>';

export class Network {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** A connection that has brought so many bytes is cut. */
  cutAfter = Number.POSITIVE_INFINITY;
  /** How many bytes a second a connection brings. */
  bytesASecond = Number.POSITIVE_INFINITY;
  /** How many bytes a second a connection takes to the service. */
  bytesSentASecond = Number.POSITIVE_INFINITY;

  /** What is lost: of requests whose method and path match. */
  losing: { request: RegExp; loss: Loss } | undefined;

  #holding: RegExp | undefined;
  readonly #held = new Set<Socket>();

  /**
   * Answers to requests whose method and path match stop after their first piece, until this is lifted. They come
   * uncompressed, so that they are larger than what the systems on the way keep.
   */
  set holding(request: RegExp | undefined) {
    this.#holding = request;
    if (request !== undefined) return;
    for (const socket of this.#held) socket.resume();
    this.#held.clear();
  }

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

  /** Loses an answer, which has come: the service has acted. */
  #lose(loss: Loss, client: Socket, answer: Buffer): void {
    if (loss === 'answer cut') {
      client.resetAndDestroy();
    } else if (loss === 'answer cut in the middle') {
      client.write(answer.subarray(0, answer.indexOf('\r\n\r\n') + 10), () => client.destroy());
    } else if (loss === 'gateway timeout') {
      const head = ['HTTP/1.1 504 Gateway Time-out', 'Content-Type: text/html', 'Connection: close'];
      client.end(
        `${head.join('\r\n')}\r\nContent-Length: ${GATEWAY_TIMEOUT.length}\r\n\r\n${GATEWAY_TIMEOUT}`,
      );
    }
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
    let loss: Loss | undefined;
    let isHeld = false;
    client.on('data', (piece) => {
      const request = /^[A-Z]+ \S+(?= HTTP\/1\.1\r\n)/.exec(piece.toString('latin1'))?.[0];
      if (request !== undefined) loss = this.losing?.request.test(request) ? this.losing.loss : undefined;
      if (loss === 'request dropped') client.resetAndDestroy();
      else if (request !== undefined && this.#holding?.test(request))
        service.write(uncompressed(piece), 'latin1');
      else service.write(piece);
      if (request !== undefined) isHeld = this.#holding?.test(request) ?? false;
      pause(client, piece.length, this.bytesSentASecond);
    });
    client.on('end', () => service.end());
    service.on('data', (piece) => {
      if (loss !== undefined) {
        this.#lose(loss, client, piece);
        return;
      }
      // Counted from when the cutting was ordered: a kept connection has brought the page before.
      if (cuttingSince !== this.cutAfter) brought = 0;
      cuttingSince = this.cutAfter;
      const left = this.cutAfter - brought;
      brought += piece.length;
      if (piece.length > left) {
        // What comes before that arrives, however large the pieces are.
        client.write(piece.subarray(0, Math.max(left, 0)), () => client.destroy());
        service.destroy();
        return;
      }
      client.write(piece);
      if (isHeld && this.#holding !== undefined) {
        service.pause();
        this.#held.add(service);
        return;
      }
      pause(service, piece.length, this.bytesASecond);
    });
  }
}

/** A request without a body, which asks for an answer that is not compressed. */
function uncompressed(request: Buffer): string {
  return request.toString('latin1').replace(/\r\naccept-encoding: [^\r]*/i, '\r\nAccept-Encoding: identity');
}

/** Reads no more until so many bytes would have come. */
function pause(socket: Socket, bytes: number, bytesASecond: number): void {
  if (!Number.isFinite(bytesASecond)) return;
  socket.pause();
  setTimeout(() => socket.resume(), (bytes / bytesASecond) * 1_000);
}
