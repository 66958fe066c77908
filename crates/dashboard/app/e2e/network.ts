// A network between the browser and the service that can be slow or broken.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** How an answer is lost after the service has acted, or a request before it arrives. */
export type Loss =
  | 'answer cut'
  | 'answer cut in the middle'
  /** The answer never comes, and the connection stays open. */
  | 'answer held'
  | 'gateway timeout'
  | 'request dropped';

/** The answer of a proxy instead of the service. */
const GATEWAY_TIMEOUT = '<html><body><h1>504 Gateway Time-out</h1></body></html>';

export class Network {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** A connection is cut after it has delivered so many bytes. */
  cutAfter = Number.POSITIVE_INFINITY;
  /** The bytes per second from the service. */
  bytesASecond = Number.POSITIVE_INFINITY;
  /** The bytes per second to the service. */
  bytesSentASecond = Number.POSITIVE_INFINITY;

  /** The loss for requests whose method and path match. */
  losing: { request: RegExp; loss: Loss } | undefined;

  #holding: RegExp | undefined;
  readonly #held = new Set<Socket>();

  /**
   * Answers to matching requests stop after their first chunk, until this is unset. They are sent uncompressed, so that
   * they are larger than the buffers on the way.
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

  static async inFrontOf(url: string): Promise<Network> {
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

  /** Loses the answer that has come. The service has acted. */
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
    let delivered = 0;
    let appliedCutAfter = this.cutAfter;
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
    client.on('data', (chunk) => {
      const request = /^[A-Z]+ \S+(?= HTTP\/1\.1\r\n)/.exec(chunk.toString('latin1'))?.[0];
      if (request !== undefined) loss = this.losing?.request.test(request) ? this.losing.loss : undefined;
      if (loss === 'request dropped') client.resetAndDestroy();
      else if (request !== undefined && this.#holding?.test(request))
        service.write(uncompressed(chunk), 'latin1');
      else service.write(chunk);
      if (request !== undefined) isHeld = this.#holding?.test(request) ?? false;
      pause(client, chunk.length, this.bytesSentASecond);
    });
    client.on('end', () => service.end());
    service.on('data', (chunk) => {
      if (loss !== undefined) {
        this.#lose(loss, client, chunk);
        return;
      }
      // Counted from the moment when `cutAfter` was set: a reused connection has already delivered the page.
      if (appliedCutAfter !== this.cutAfter) delivered = 0;
      appliedCutAfter = this.cutAfter;
      const left = this.cutAfter - delivered;
      delivered += chunk.length;
      if (chunk.length > left) {
        // Delivers the bytes up to the limit, however large the chunks are.
        client.write(chunk.subarray(0, Math.max(left, 0)), () => client.destroy());
        service.destroy();
        return;
      }
      client.write(chunk);
      if (isHeld && this.#holding !== undefined) {
        service.pause();
        this.#held.add(service);
        return;
      }
      pause(service, chunk.length, this.bytesASecond);
    });
  }
}

/** Changes a request without a body so that its answer is not compressed. */
function uncompressed(request: Buffer): string {
  return request.toString('latin1').replace(/\r\naccept-encoding: [^\r]*/i, '\r\nAccept-Encoding: identity');
}

/** Pauses reading to reach the given speed. */
function pause(socket: Socket, bytes: number, bytesASecond: number): void {
  if (!Number.isFinite(bytesASecond)) return;
  socket.pause();
  setTimeout(() => socket.resume(), (bytes / bytesASecond) * 1_000);
}
