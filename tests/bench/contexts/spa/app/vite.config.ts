import { defineConfig } from "vite";

// As in the real application, host names are listed for `server` only, which `preview` takes over.
export default defineConfig({
  server: { host: "0.0.0.0", port: 3000, allowedHosts: ["spa-e2e", "localhost", "127.0.0.1", "all"] },
  esbuild: { jsx: "automatic" },
  build: { outDir: "build" },
});
