// A network between browser and server that a test can cut: what a proxy or a broken line does to connections.
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";

const SERVER = new URL(process.env["CLOUDWRIGHT_URL"] ?? "http://127.0.0.1:8080");

export class Wire {
  private broken: RegExp | undefined;
  private readonly open = new Map<Duplex, string>();

  private constructor(private readonly server: Server) {
    server.on("request", (asked, answer) => {
      const path = asked.url ?? "/";
      if (this.broken?.test(path)) return void answer.writeHead(502).end();
      this.keep(asked.socket, path);
      const up = request({ host: SERVER.hostname, port: SERVER.port, path, method: asked.method, headers: asked.headers }, (told) => {
        answer.writeHead(told.statusCode ?? 502, told.headers);
        told.pipe(answer);
      });
      up.on("error", () => answer.destroy());
      answer.on("close", () => up.destroy());
      asked.pipe(up);
    });
    server.on("upgrade", (asked: IncomingMessage, socket: Socket, head: Buffer) => {
      const path = asked.url ?? "/";
      if (this.broken?.test(path)) return socket.destroy();
      this.keep(socket, path);
      const up = connect(Number(SERVER.port), SERVER.hostname, () => {
        const headers = Object.entries(asked.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`).join("");
        up.write(`${asked.method} ${path} HTTP/1.1\r\n${headers}\r\n`);
        up.write(head);
        socket.pipe(up).pipe(socket);
      });
      up.on("error", () => socket.destroy()).on("close", () => socket.destroy());
      socket.on("error", () => up.destroy()).on("close", () => up.destroy());
    });
  }

  static async open(): Promise<Wire> {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return new Wire(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** End the connections to such paths, and let no new one through. */
  cut(paths: RegExp): void {
    this.broken = paths;
    for (const [socket, path] of this.open) if (paths.test(path)) socket.destroy();
  }

  mend(): void {
    this.broken = undefined;
  }

  close(): void {
    this.cut(/./);
    this.server.close();
  }

  private keep(socket: Duplex, path: string): void {
    if (!this.open.has(socket)) socket.on("close", () => this.open.delete(socket));
    this.open.set(socket, path);
  }
}
