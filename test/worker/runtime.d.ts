// The types of what tests inside workerd import: `cloudflare:test`, and the Worker that
// wrangler.toml describes as `env` and `exports` of `cloudflare:workers`.

/// <reference types="@cloudflare/vitest-plugin/types" />

import type { Env as Bindings } from "../../worker/env.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Bindings {}
    interface GlobalProps {
      mainModule: typeof import("../../worker/index.ts");
    }
  }
}
