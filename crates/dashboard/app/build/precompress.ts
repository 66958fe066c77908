import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/**
 * Writes `.br` and `.gz` files next to each file that compression makes smaller. The service then compresses nothing at
 * run time.
 */
export function precompress(): Plugin {
  let folder = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || /\.(br|gz)$/.test(entry.name)) continue;
        const file = join(entry.parentPath, entry.name);
        const content = readFileSync(file);
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        const variants = {
          br: brotliCompressSync(content, { params }),
          gz: gzipSync(content, { level: constants.Z_BEST_COMPRESSION }),
        };
        for (const [extension, bytes] of Object.entries(variants)) {
          if (bytes.length < content.length) writeFileSync(`${file}.${extension}`, bytes);
        }
      }
    },
  };
}
