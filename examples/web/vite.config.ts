import { defineConfig } from "vite";
import { offline } from "./build/offline.js";
import { policy } from "./build/policy.js";

export default defineConfig({
  // The built folder works under any path of a server.
  base: "./",
  plugins: [policy(), offline()],
  build: {
    rolldownOptions: { input: ["index.html", "src/workers/offline.ts"] },
    // A file in a `data:` URL would have to be let in by the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
});
