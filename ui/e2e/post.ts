// A mail server that keeps the texts it is sent: as much of SMTP (RFC 5321) as a sender needs.
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";

export class Post {
  private readonly letters: string[] = [];
  private waiting: ((letter: string) => void) | undefined;

  private constructor(private readonly server: Server) {}

  static async open(): Promise<Post> {
    const server = createServer();
    const post = new Post(server);
    server.on("connection", (socket) => {
      let [read, within] = ["", false];
      socket.write("220 post\r\n");
      socket.on("error", () => socket.destroy());
      socket.on("data", (data) => {
        read += data.toString();
        for (let end = read.indexOf(within ? "\r\n.\r\n" : "\r\n"); end >= 0; end = read.indexOf(within ? "\r\n.\r\n" : "\r\n")) {
          const said = read.slice(0, end);
          read = read.slice(end + (within ? 5 : 2));
          if (within) post.keep(said);
          within = !within && said.toUpperCase() === "DATA";
          socket.write(within ? "354 go on\r\n" : "250 yes\r\n");
          if (said.toUpperCase() === "QUIT") socket.end();
        }
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return post;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The next letter, as one line: what was folded to be sent is joined. */
  next(): Promise<string> {
    const [first] = this.letters.splice(0, 1);
    return first === undefined ? new Promise((done) => { this.waiting = done; }) : Promise.resolve(first);
  }

  close(): void {
    this.server.close();
  }

  private keep(letter: string): void {
    const text = letter.replace(/=\r\n/g, "").replace(/=3D/g, "=");
    if (this.waiting) this.waiting(text);
    else this.letters.push(text);
    this.waiting = undefined;
  }
}
