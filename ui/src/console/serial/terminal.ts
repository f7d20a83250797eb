// A machine's serial port in a terminal: what the window of the console loads (as /client/serial.js) when it shows one.
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import styles from "@xterm/xterm/css/xterm.css?inline";

// Guests take a serial terminal for one of 80 columns and 24 lines, whatever the window's size.
const LEAST = { cols: 80, rows: 24 };
const MOST = { cols: 400, rows: 150 };
const PAPER = { background: "#ffffff", foreground: "#1b1f24", cursor: "#1b1f24", cursorAccent: "#ffffff", selectionBackground: "#b6d0ff" };
const INK = { background: "#0b0d0f", foreground: "#e6e9ed", cursor: "#e6e9ed", cursorAccent: "#0b0d0f", selectionBackground: "#34507f" };

/**
 * The terminal in an element. It outlives the connections: `connect` opens one more at a WebSocket's address. Tells `connect`,
 * `heard` and `disconnect`. What the guest says goes to the terminal alone, as bytes: there its sequences can neither open nor copy
 * anything.
 */
export class Serial extends EventTarget {
  readonly #terminal: Terminal;
  #socket: WebSocket | undefined;

  constructor(within: HTMLElement, label: string) {
    super();
    const style = document.createElement("style");
    style.textContent = `${styles}\n.xterm { padding: 6px 10px; } .xterm .xterm-viewport { background: none; overflow: hidden; }`;
    document.head.append(style);
    Terminal.strings.promptLabel = label;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const colours = () => {
      const theme = dark.matches ? INK : PAPER;
      Object.assign(within.style, { background: theme.background, overflow: "auto" });
      return theme;
    };
    this.#terminal = new Terminal({
      ...LEAST, theme: colours(), minimumContrastRatio: 4.5, scrollback: 5000, fontSize: 14, lineHeight: 1.2,
      fontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace", linkHandler: { activate: () => {} },
    });
    const fit = new FitAddon();
    this.#terminal.loadAddon(fit);
    this.#terminal.open(within);
    this.#terminal.onData((text) => this.send(text));
    dark.addEventListener("change", () => { this.#terminal.options.theme = colours(); });
    new ResizeObserver(() => {
      const fits = fit.proposeDimensions();
      if (fits && fits.cols > 0) this.#terminal.resize(bounded("cols", fits.cols), bounded("rows", fits.rows));
    }).observe(within);
  }

  connect(address: string): void {
    const socket = (this.#socket = new WebSocket(address));
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => this.dispatchEvent(new Event("connect")));
    socket.addEventListener("message", ({ data }) => this.#terminal.write(new Uint8Array(data as ArrayBuffer)));
    socket.addEventListener("message", () => this.dispatchEvent(new Event("heard")), { once: true });
    socket.addEventListener("close", () => this.dispatchEvent(new Event("disconnect")));
  }

  /** Send keys as they are. */
  send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(new TextEncoder().encode(text));
  }

  /** Type a text, its lines ended as Enter does, and marked as pasted where the guest wants to know. */
  type(text: string): void {
    this.#terminal.paste(text);
  }

  focus(): void {
    this.#terminal.focus();
  }
}

const bounded = (side: keyof typeof LEAST, fits: number) => Math.min(Math.max(fits, LEAST[side]), MOST[side]);
