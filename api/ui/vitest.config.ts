import { defineConfig } from 'vitest/config';

// The pure parts only; what needs a browser is in browser-test.
export default defineConfig({ test: { include: ['src/**/*.test.ts'] } });
