// What a TypeScript client writes against the generated types. It is compiled, never run.
import type { paths } from "./campus-backup";

type Answer<Path extends keyof paths, Method extends keyof paths[Path], Status extends number> =
  paths[Path][Method] extends { responses: Record<Status, { content: { "application/json": infer Body } }> } ? Body : never;

type Stats = Answer<"/backup/stats", "get", 200>;

export const total = (stats: Stats): number => stats.total;
