import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server serves the result under /client/; `npm run dev` passes its calls on to one that runs here.
export default defineConfig({
  base: "/client/",
  plugins: [react()],
  build: {
    outDir: "../cloudwright/web/static/ui", emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 400, sourcemap: false,
    rolldownOptions: {
      // The terminal is loaded by a page that is not built here (cloudwright/web/static/console.js), so its name has no hash.
      input: { index: "index.html", serial: "src/console/serial/terminal.ts" },
      preserveEntrySignatures: "exports-only",
      output: { entryFileNames: ({ name }) => (name === "serial" ? "serial.js" : "assets/[name]-[hash].js") },
    },
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(["/client/api", "/client/events", "/client/console", "/client/serial.js", "/client/vnc"].map((path) => [path, "http://127.0.0.1:8080"])),
  },
});
