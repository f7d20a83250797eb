import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The units run on what a server offers each role: the answers of `listApis`, recorded just before (see tests/console).
export default defineConfig({
  plugins: [react()],
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "happy-dom", pool: "threads", setupFiles: ["src/testing/setup.ts"] },
});
