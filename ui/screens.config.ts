import { defineConfig } from "@playwright/test";
import base from "./playwright.config";

// Pictures of every page, to be looked at: `npm run screens`, against a server as tests/console/population.py fills it.
export default defineConfig({ ...base, testMatch: /screens.*\.ts/, timeout: 900_000, use: { ...base.use, screenshot: "off", actionTimeout: 4_000 } });
