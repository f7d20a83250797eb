import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server serves the result under /client/; `npm run dev` passes its calls on to one that runs here.
export default defineConfig({
  base: "/client/",
  plugins: [react()],
  build: { outDir: "../cloudwright/web/static/ui", emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 400, sourcemap: false },
  server: {
    port: 5173,
    proxy: Object.fromEntries(["/client/api", "/client/events", "/client/console", "/client/vnc"].map((path) => [path, "http://127.0.0.1:8080"])),
  },
});
