// The types of what tests inside workerd import: `cloudflare:test`, the Worker that wrangler.toml
// describes as `env` and `exports` of `cloudflare:workers`, and what vitest.config.ts provides.

/// <reference types="@cloudflare/vitest-plugin/types" />

import type { Env as Bindings } from "../../worker/core/bindings.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Omit<Bindings, "SEGMENTS"> {
      SEGMENTS?: R2Bucket;
    }
    interface GlobalProps {
      mainModule: typeof import("../../worker/index.ts");
    }
  }
}

declare module "vitest" {
  interface ProvidedContext {
    fuzz: { rounds: number; seed: number };
  }
}
