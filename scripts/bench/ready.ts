import type { Benchmark } from './benchmark.ts'; export const ready: Benchmark = { name: 'ready', about: '', run: async () => ({ title: '', rows: [], notes: [] }) };
